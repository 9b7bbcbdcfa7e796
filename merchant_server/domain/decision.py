"""A credit decision: the features it saw, and the answer with its reasons. It asks nobody."""

from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

GRADES = ("A", "B", "C", "D", "E", "F", "G")
IDENTITY_RESULTS = ("match", "mismatch", "unknown")
BUREAU_STATUSES = ("found", "thin", "unknown")
BUREAU_SCORES = (300, 900)
LARGEST_AMOUNT_MINOR = 10**15
COUNTED_FEATURES = (
    "amount_minor",
    "age_years",
    "bureau_debts_minor",
    "bureau_worst_overdue_days",
    "bureau_inquiries_30d",
    "own_open_loans",
    "own_outstanding_minor",
    "own_worst_overdue_days",
    "own_refusals_30d",
)


class FeaturesInvalid(Exception):
    """A feature is missing, unknown, mistyped or out of range. Attributes: feature, requirement."""

    def __init__(self, feature: str, requirement: str) -> None:
        self.feature, self.requirement = feature, requirement
        super().__init__(
            f"feature {feature} {requirement}; correct the source or send its default for 'unknown'"
        )


class PolicyBroken(Exception):
    """The policy cannot be loaded or gave no complete answer; never a yes. Attributes: policy, problems."""

    def __init__(self, policy: str, problems: tuple[str, ...]) -> None:
        self.policy, self.problems = policy, problems
        super().__init__(f"credit policy {policy} is not usable: " + "; ".join(problems))


class Outcome(StrEnum):
    """What a decision can say."""

    APPROVE = "approve"
    REFER = "refer"
    DECLINE = "decline"


@dataclass(frozen=True, slots=True)
class Identity:
    """What the identity provider found. result: match | mismatch | unknown."""

    result: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Bureau:
    """What the bureau reported. status: found | thin (no history) | unknown (not available).

    `score` is 300–900; `debts_minor` is the sum owed elsewhere; `worst_overdue_days` over the last two years.
    """

    status: str
    score: int | None = None
    debts_minor: int = 0
    worst_overdue_days: int = 0
    inquiries_30d: int = 0
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Features:
    """Everything the policy may look at, named and typed; amounts are minor units of `currency`.

    `own_worst_overdue_days` counts days overdue today; `bureau_score` is set exactly when a report was found.
    `own_refusals_30d` leaves out refusals for the amount alone, or a counter-offer would spoil itself.
    Construction checks every value, because a rule that meets a wrong type would silently not fire.
    Raises FeaturesInvalid.
    """

    currency: str
    amount_minor: int
    age_years: int
    identity: str
    bureau_status: str
    bureau_score: int | None
    bureau_debts_minor: int
    bureau_worst_overdue_days: int
    bureau_inquiries_30d: int
    own_open_loans: int
    own_outstanding_minor: int
    own_worst_overdue_days: int
    own_refusals_30d: int
    merchant_category: str
    decided_on: date

    def __post_init__(self) -> None:
        for name in COUNTED_FEATURES:
            _require(
                name,
                _is_whole(getattr(self, name), 0, LARGEST_AMOUNT_MINOR),
                f"must be 0 to {LARGEST_AMOUNT_MINOR}",
            )
        _require("currency", _is_currency(self.currency), "must be an ISO 4217 code")
        _require(
            "identity", self.identity in IDENTITY_RESULTS, f"must be one of {', '.join(IDENTITY_RESULTS)}"
        )
        _require(
            "bureau_status",
            self.bureau_status in BUREAU_STATUSES,
            f"must be one of {', '.join(BUREAU_STATUSES)}",
        )
        if self.bureau_status == "found":
            _require(
                "bureau_score",
                _is_whole(self.bureau_score, *BUREAU_SCORES),
                "must be 300 to 900 in a found report",
            )
        else:
            _require("bureau_score", self.bureau_score is None, "must be absent when there is no report")
        _require("merchant_category", type(self.merchant_category) is str, "must be a text")
        _require(
            "decided_on",
            isinstance(self.decided_on, date) and not isinstance(self.decided_on, datetime),
            "must be a date without a time",
        )

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict: the exact input of the policy, kept sealed with the decision."""
        row = asdict(self)
        row["decided_on"] = self.decided_on.isoformat()
        return row

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> "Features":
        """Rebuild the features of a stored decision, for replay. Raises FeaturesInvalid."""
        names = {each.name for each in fields(cls)}
        for name in sorted(names.symmetric_difference(row)):
            raise FeaturesInvalid(name, "is missing" if name in names else "is not known")
        try:
            decided_on = date.fromisoformat(row["decided_on"])
        except (TypeError, ValueError):
            raise FeaturesInvalid("decided_on", "must be a date such as 2026-11-21") from None
        return cls(**{**row, "decided_on": decided_on})


@dataclass(frozen=True, slots=True)
class Decision:
    """The policy's answer. `rate_discount` is taken off a plan's yearly rate: a grade only lowers the price.

    `limit_minor` is the person's whole line, to be compared with exposure including this purchase;
    `available_minor` is what was left of it before this purchase. Both are 0 unless a line was granted.
    `grade` is what the scorecard says, also when a hard rule decided otherwise.
    `reasons` are codes of domain.refusal, most important first; `counter_offer_minor` is the largest
    amount in whole currency units that the same policy would have approved, when there is one.
    `trace` (matched rows and derived values) is as personal as the features: keep it sealed with them.
    """

    outcome: Outcome
    grade: str
    limit_minor: int
    rate_discount: Decimal
    reasons: tuple[str, ...]
    policy_version: str
    counter_offer_minor: int | None = None
    available_minor: int = 0
    trace: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict; equal decisions give equal dicts."""
        return {
            "outcome": self.outcome.value,
            "grade": self.grade,
            "limit_minor": self.limit_minor,
            "available_minor": self.available_minor,
            "rate_discount": str(self.rate_discount),
            "reasons": list(self.reasons),
            "policy_version": self.policy_version,
            "counter_offer_minor": self.counter_offer_minor,
            "trace": self.trace,
        }

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> "Decision":
        """Rebuild a stored decision."""
        return cls(
            **{
                **row,
                "outcome": Outcome(row["outcome"]),
                "rate_discount": Decimal(row["rate_discount"]),
                "reasons": tuple(row["reasons"]),
            }
        )


def _is_whole(value: object, smallest: int, largest: int) -> bool:
    return type(value) is int and smallest <= value <= largest


def _is_currency(value: object) -> bool:
    return (
        isinstance(value, str) and len(value) == 3 and value.isascii() and value.isalpha() and value.isupper()
    )


def _require(feature: str, holds: bool, requirement: str) -> None:
    if not holds:
        raise FeaturesInvalid(feature, requirement)
