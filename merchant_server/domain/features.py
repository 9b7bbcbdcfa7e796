"""What a decision may look at: every feature with its type, source, default and meaning, as data. It asks nobody."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from fenqi.finance.terms import DISCLOSURES

IDENTITY_RESULTS = ("match", "mismatch", "unknown")
BUREAU_STATUSES = ("found", "thin", "unknown")
BUREAU_SCORES = (300, 900)
LARGEST_AMOUNT_MINOR = 10**15
REQUIRED = object()
"""The default of a feature without which there is no decision: our own tables have it, or something is broken."""


class FeaturesInvalid(Exception):
    """A feature is missing, unknown, mistyped or out of range. Attributes: feature, requirement."""

    def __init__(self, feature: str, requirement: str) -> None:
        self.feature, self.requirement = feature, requirement
        super().__init__(
            f"feature {feature} {requirement}; correct the source or send its default for 'unknown'"
        )


class ReadingState(StrEnum):
    """How a source answered: now, earlier (and kept), not at all, with nonsense; or it was not asked."""

    ANSWERED = "answered"
    KEPT = "kept"
    UNAVAILABLE = "unavailable"
    GARBAGE = "garbage"
    NOT_ASKED = "not_asked"


USABLE = (ReadingState.ANSWERED, ReadingState.KEPT)


@dataclass(frozen=True, slots=True)
class Feature:
    """One row of the registry. `default` stands in when the source fails; REQUIRED means that nothing does.

    kind: count | amount_minor | text | date. `values` lists the texts that an enumerated feature can be. Stored
    vectors from before `since` 2 lack the later features, which then had no influence: their defaults stand in.
    """

    name: str
    kind: str
    source: str
    default: Any
    meaning_en: str
    meaning_zh: str
    values: tuple[str, ...] = ()
    since: int = 1


@dataclass(frozen=True, slots=True)
class Reading:
    """What one source said at one moment. `values` are features by name, empty unless the state is usable."""

    source: str
    state: ReadingState
    at: datetime
    values: Mapping[str, Any] = field(default_factory=dict)
    reference: str = ""
    reason: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return where and when the source's features come from, without their values."""
        return {
            "state": self.state.value,
            "at": self.at.isoformat(),
            "reference": self.reference,
            "reason": self.reason,
        }


def _feature(kind: str, source: str, english: str, chinese: str, default: Any = REQUIRED, **more: Any) -> Any:
    later = {} if more.get("since", 1) == 1 else {"default": default}
    told = {"kind": kind, "source": source, "default": default, "meaning_en": english, "meaning_zh": chinese}
    return field(metadata={**told, **more}, **later)


def _later(kind: str, source: str, english: str, chinese: str, default: Any = 0, **more: Any) -> Any:
    return _feature(kind, source, english, chinese, default, since=2, **more)


# fmt: off
@dataclass(frozen=True, slots=True)
class Features:
    """Everything the policy may look at, named and typed; amounts are minor units of `currency`.

    Construction checks every value, because a rule that meets a wrong type would silently not fire.
    Raises FeaturesInvalid.
    """

    currency: str = _feature("text", "checkout", "ISO 4217 code of every amount here", "以下金额的币种")
    amount_minor: int = _feature(
        "amount_minor", "checkout", "what is to be financed; 0 before there is a cart", "分期金额"
    )
    age_years: int = _feature("count", "person", "full years of age today, by the id number", "周岁")
    identity: str = _feature(
        "text", "identity", "do name, id number and phone belong to one person",
        "实名核验", "unknown", values=IDENTITY_RESULTS
    )
    bureau_status: str = _feature(
        "text", "bureau", "a report was found, there is no history, or no usable answer",
        "征信报告状态", "unknown", values=BUREAU_STATUSES
    )
    bureau_score: int | None = _feature(
        "count", "bureau", "300 to 900, set exactly when a report was found", "征信分", None
    )
    bureau_debts_minor: int = _feature(
        "amount_minor", "bureau", "owed elsewhere, as the bureau sees it", "征信负债", 0
    )
    bureau_worst_overdue_days: int = _feature(
        "count", "bureau", "worst delay in the last two years", "近两年最长逾期天数", 0
    )
    bureau_inquiries_30d: int = _feature("count", "bureau", "credit inquiries in 30 days", "近 30 天查询次数", 0)
    own_open_loans: int = _feature("count", "own", "loans here that are not repaid", "本平台在贷笔数")
    own_outstanding_minor: int = _feature(
        "amount_minor", "own", "still to be paid here, interest and fees included", "本平台待还"
    )
    own_worst_overdue_days: int = _feature(
        "count", "own", "days that the oldest unpaid installment here is late today", "本平台当前逾期天数"
    )
    own_refusals_30d: int = _feature(
        "count", "own", "refusals here in 30 days, those for the amount alone left out", "近 30 天被拒次数"
    )
    merchant_category: str = _feature("text", "merchant", "what the merchant sells", "商户类目")
    decided_on: date = _feature("date", "checkout", "the merchant's business date", "审批日期")  # noqa: RUF009
    mode: str = _later("text", "checkout", "test or live key", "测试或正式", "live", values=("test", "live"))
    purpose: str = _later(
        "text", "checkout", "a purchase, or a line before there is a cart",
        "用途", "purchase", values=("purchase", "preapproval")
    )
    disclosure_pack: str = _later(
        "text", "checkout", "whose law the plans disclose under", "适用法域", "CN", values=DISCLOSURES
    )
    down_payment_minor: int = _later("amount_minor", "checkout", "paid at the shop, not financed", "首付")
    installment_minor: int = _later(
        "amount_minor", "checkout", "largest installment of the gentlest plan; 0 without a plan",
        "最轻方案的最大期款"
    )
    annual_cost_bps: int = _later(
        "count", "checkout", "yearly all-in cost of that plan, in basis points", "该方案年化综合成本"
    )
    income_stated_minor: int = _later(
        "amount_minor", "stated", "a month's income as the person says; 0 when not asked", "自述月收入"
    )
    debts_stated_minor: int = _later("amount_minor", "stated", "owed elsewhere as the person says", "自述负债")
    income_seen_minor: int = _later(
        "amount_minor", "bureau", "a month's income as the bureau sees it; 0 when it does not say", "征信月收入"
    )
    bureau_age_days: int = _later("count", "bureau", "how old the report is; 0 when asked now", "征信报告天数")
    own_due_30d_minor: int = _later("amount_minor", "own", "falls due here in the next 30 days", "未来 30 天应还")
    own_repaid_loans: int = _later("count", "own", "loans here that were repaid", "本平台已结清笔数")
    line_status: str = _later(
        "text", "own", "the person's credit line here", "授信额度状态", "none", values=("none", "live", "expired")
    )
    line_left_minor: int = _later("amount_minor", "own", "what is left of that line", "剩余额度")
    review_verdict: str = _later(
        "text", "own", "what a person decided within the line's life",
        "人工复核结果", "none", values=("none", "approved", "declined")
    )
    review_limit_minor: int = _later("amount_minor", "own", "the line that a person granted", "人工核定额度")
    person_applications_24h: int = _later(
        "count", "velocity", "applications of this person in 24 hours, this one included", "同一人申请数"
    )
    phone_applications_24h: int = _later(
        "count", "velocity", "applications with this phone number in 24 hours", "同一手机号申请数"
    )
    device_applications_24h: int = _later(
        "count", "velocity", "applications from this device in 24 hours", "同一设备申请数"
    )
    store_applications_1h: int = _later(
        "count", "velocity", "applications in this store in one hour", "同一门店申请数"
    )
    address_applications_24h: int = _later(
        "count", "velocity", "applications from this address prefix in 24 hours", "同一网段申请数"
    )
    phone_persons_30d: int = _later(
        "count", "velocity", "different people with this phone number in 30 days", "同一手机号人数"
    )
    device_persons_30d: int = _later(
        "count", "velocity", "different people on this device in 30 days", "同一设备人数"
    )
    blocked_matches: int = _later(
        "count", "block_list", "how many of person, phone, device and address are blocked", "命中拦截名单数"
    )

    def __post_init__(self) -> None:
        for feature in REGISTRY.values():
            _require(feature, getattr(self, feature.name))
        if (self.bureau_status == "found") != (self.bureau_score is not None):
            raise FeaturesInvalid("bureau_score", "must be given exactly when a report was found")

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict: the exact input of the policy, kept sealed with the decision."""
        row = {name: getattr(self, name) for name in REGISTRY}
        row["decided_on"] = self.decided_on.isoformat()
        return row

    def changed(self, changes: Mapping[str, Any]) -> "Features":
        """Return the same vector with some features changed. Raises FeaturesInvalid."""
        return replace(self, **dict(changes))

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "Features":
        """Rebuild the features of a stored decision, for replay. Raises FeaturesInvalid."""
        for name in sorted(set(row) - set(REGISTRY)):
            raise FeaturesInvalid(name, "is not known")
        for feature in REGISTRY.values():
            if feature.since == 1 and feature.name not in row:
                raise FeaturesInvalid(feature.name, "is missing")
        try:
            decided_on = date.fromisoformat(row["decided_on"])
        except (TypeError, ValueError):
            raise FeaturesInvalid("decided_on", "must be a date such as 2026-11-21") from None
        return cls(**{**row, "decided_on": decided_on})
# fmt: on


REGISTRY: dict[str, Feature] = {each.name: Feature(each.name, **each.metadata) for each in fields(Features)}
SOURCES = tuple(dict.fromkeys(feature.source for feature in REGISTRY.values()))
CONFIDENTIAL_SOURCES = ("velocity", "block_list")
"""What fraud rules look at: told to nobody outside, since it would teach what they look for."""
COUNTED_FEATURES = tuple(
    each.name
    for each in REGISTRY.values()
    if each.kind in ("count", "amount_minor") and each.name != "bureau_score"
)


def assemble(readings: Iterable[Reading]) -> Features:
    """Return the vector that the sources give, each feature of a failed source at its default.

    Raises FeaturesInvalid when a source without defaults is missing, or a value cannot be judged.
    """
    by_source = {reading.source: reading for reading in readings}
    row: dict[str, Any] = {}
    for name, feature in REGISTRY.items():
        reading = by_source.get(feature.source)
        usable = reading is not None and reading.state in USABLE
        value = reading.values.get(name, feature.default) if reading and usable else feature.default
        if value is REQUIRED:
            raise FeaturesInvalid(name, "is missing")
        row[name] = value
    return Features(**row)


def checked_reading(reading: Reading) -> Reading:
    """Return the reading, or the same as garbage when a value of it could not be judged by any rule."""
    if reading.state not in USABLE:
        return reading
    try:
        for name, value in reading.values.items():
            _require(REGISTRY[name], value)
        if reading.source == "bureau":
            found = reading.values["bureau_status"] == "found"
            if found != (reading.values["bureau_score"] is not None):
                raise FeaturesInvalid("bureau_score", "must be given exactly when a report was found")
    except (FeaturesInvalid, KeyError) as wrong:
        name = wrong.feature if isinstance(wrong, FeaturesInvalid) else str(wrong.args[0])
        return Reading(
            reading.source, ReadingState.GARBAGE, reading.at, reference=reading.reference, reason=name
        )
    return reading


def _require(feature: Feature, value: object) -> None:
    if feature.name == "bureau_score":
        low, high = BUREAU_SCORES
        holds = value is None or (type(value) is int and low <= value <= high)
        requirement = f"must be {low} to {high}, or absent without a report"
    elif feature.kind in ("count", "amount_minor"):
        holds = type(value) is int and 0 <= value <= LARGEST_AMOUNT_MINOR
        requirement = f"must be 0 to {LARGEST_AMOUNT_MINOR}"
    elif feature.kind == "date":
        holds, requirement = type(value) is date, "must be a date without a time"
    elif feature.name == "currency":
        holds, requirement = _is_currency(value), "must be an ISO 4217 code"
    elif feature.values:
        holds, requirement = value in feature.values, f"must be one of {', '.join(feature.values)}"
    else:
        holds, requirement = type(value) is str, "must be a text"
    if not holds:
        raise FeaturesInvalid(feature.name, requirement)


def _is_currency(value: object) -> bool:
    return (
        isinstance(value, str) and len(value) == 3 and value.isascii() and value.isalpha() and value.isupper()
    )
