"""What no scorecard may look at, by the names that columns of data sets give it. It decides about nobody."""

import re

# Sex, marital status, nationality and kin: 12 CFR 1002.4, 1002.6; Directive 2023/2225 art. 6; 个人信息保护法 art. 24.
PROTECTED = (
    "sex", "gender", "male", "female", "marital", "married", "marriage", "divorced", "spouse", "personal_status",
    "nationality", "foreign", "citizenship", "ethnic", "race", "religion", "pregnan", "disabilit", "orientation",
    "性别", "婚姻", "国籍", "民族", "宗教",
)  # fmt: skip
# Whole words that are protected although longer words with them are not ("sex" is in none, "race" is in "trace").
_WORDS = frozenset({"race", "male", "sex"})


class ProtectedAttribute(Exception):
    """A feature is a protected attribute. Attributes: feature, attribute."""

    def __init__(self, feature: str, attribute: str) -> None:
        self.feature, self.attribute = feature, attribute
        super().__init__(
            f"{feature} is refused as a feature: it tells {attribute!r}, which no credit score may look at; "
            f"leave it out with --exclude {feature}"
        )


def refuse_protected(features: list[str]) -> None:
    """Raise ProtectedAttribute for the first feature whose name tells a protected attribute."""
    for feature in features:
        words = [word for word in re.split(r"[^a-z\u4e00-\u9fff]+", feature.lower()) if word]
        joined = "_".join(words)
        for attribute in PROTECTED:
            if attribute in (words if attribute in _WORDS else joined):
                raise ProtectedAttribute(feature, attribute)
