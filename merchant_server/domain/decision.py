"""A credit decision: the policy's answer, and the record of what was seen and what followed. It asks nobody."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from merchant_server.domain.features import (
    BUREAU_SCORES,
    BUREAU_STATUSES,
    COUNTED_FEATURES,
    IDENTITY_RESULTS,
    LARGEST_AMOUNT_MINOR,
    Features,
    FeaturesInvalid,
)

__all__ = [
    "BUREAU_SCORES",
    "BUREAU_STATUSES",
    "COUNTED_FEATURES",
    "GRADES",
    "IDENTITY_RESULTS",
    "LARGEST_AMOUNT_MINOR",
    "LINE_DAYS",
    "Bureau",
    "CounterOffer",
    "Decision",
    "DecisionRecord",
    "Features",
    "FeaturesInvalid",
    "Identity",
    "Outcome",
    "PolicyBroken",
    "Price",
]
GRADES = ("A", "B", "C", "D", "E", "F", "G")
LINE_DAYS = 50


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

    `score` is 300–900; `debts_minor` is the sum owed elsewhere; `worst_overdue_days` over the last two years;
    `income_minor` is a month's income, 0 when the bureau does not say.
    """

    status: str
    score: int | None = None
    debts_minor: int = 0
    worst_overdue_days: int = 0
    inquiries_30d: int = 0
    reference: str = ""
    income_minor: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """The policy's answer. `rate_discount` is taken off a plan's yearly rate: a grade only lowers the price.

    `limit_minor` is the person's whole line, to be compared with exposure including this purchase;
    `available_minor` is what was left of it before this purchase. Both are 0 unless a line was granted.
    `grade` is what the scorecard says, also when a hard rule decided otherwise.
    Conditions of a yes: no plan above `rate_cap_bps` a year, and no installment above `installment_max_minor`.
    `line_days` is the life of a granted line; `expected_loss_minor` is what the policy thinks this sale costs.
    `ask_bureau` says whether the policy wants a fresh report for these features.
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
    rate_cap_bps: int = 10_000
    installment_max_minor: int | None = None
    line_days: int = LINE_DAYS
    expected_loss_minor: int = 0
    ask_bureau: bool = True

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
            "rate_cap_bps": self.rate_cap_bps,
            "installment_max_minor": self.installment_max_minor,
            "line_days": self.line_days,
            "expected_loss_minor": self.expected_loss_minor,
            "ask_bureau": self.ask_bureau,
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "Decision":
        """Rebuild a stored decision."""
        return cls(
            **{
                **row,
                "outcome": Outcome(row["outcome"]),
                "rate_discount": Decimal(row["rate_discount"]),
                "reasons": tuple(row["reasons"]),
            }
        )


@dataclass(frozen=True, slots=True)
class CounterOffer:
    """The nearest thing that the same policy says yes to. Amounts are minor units of the checkout's currency.

    kind: smaller_amount | longer_term | bigger_down_payment. `changes` are the features that differ from those of
    the refused decision, so that a replay can prove it.
    """

    kind: str
    amount_minor: int
    down_payment_minor: int
    plan_id: str
    installment_minor: int
    changes: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {
            "kind": self.kind,
            "amount_minor": self.amount_minor,
            "down_payment_minor": self.down_payment_minor,
            "plan_id": self.plan_id,
            "installment_minor": self.installment_minor,
            "changes": dict(self.changes),
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "CounterOffer":
        """Rebuild a stored counter-offer."""
        return cls(**row)


@dataclass(frozen=True, slots=True)
class Price:
    """What one plan costs an approved person: the yearly rate at their grade, and the yearly all-in cost."""

    plan_id: str
    annual_rate: Decimal
    annual_cost: Decimal

    def to_dict(self) -> dict[str, str]:
        """Return a JSON-ready dict of decimal texts."""
        return {
            "plan_id": self.plan_id,
            "annual_rate": format(self.annual_rate, "f"),
            "annual_cost": format(self.annual_cost, "f"),
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, str]) -> "Price":
        """Rebuild a stored price."""
        return cls(row["plan_id"], Decimal(row["annual_rate"]), Decimal(row["annual_cost"]))


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One decision as kept: what was seen and from where, what the policy said, and what followed from it.

    `sources` maps each source to its state, time and reference. `arm` is champion or challenger.
    """

    features: Features
    sources: Mapping[str, Mapping[str, str]]
    decision: Decision
    arm: str = "champion"
    prices: tuple[Price, ...] = ()
    counter_offers: tuple[CounterOffer, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict, to be sealed."""
        return {
            "features": self.features.to_dict(),
            "sources": {name: dict(told) for name, told in self.sources.items()},
            "decision": self.decision.to_dict(),
            "arm": self.arm,
            "prices": [price.to_dict() for price in self.prices],
            "counter_offers": [offer.to_dict() for offer in self.counter_offers],
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "DecisionRecord":
        """Rebuild a stored record. Raises FeaturesInvalid."""
        return cls(
            features=Features.from_dict(row["features"]),
            sources=row.get("sources", {}),
            decision=Decision.from_dict(row["decision"]),
            arm=row.get("arm", "champion"),
            prices=tuple(Price.from_dict(each) for each in row.get("prices", ())),
            counter_offers=tuple(CounterOffer.from_dict(each) for each in row.get("counter_offers", ())),
        )
