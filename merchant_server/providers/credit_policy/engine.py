"""A credit policy compiled once and asked many times: features in, a complete Decision out, or PolicyBroken.

It reads no clock, no database and no network, so the same features and version always give the same bytes.
"""

import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import zen

from merchant_server.domain.decision import GRADES, Decision, Features, Outcome, PolicyBroken
from merchant_server.domain.features import LARGEST_AMOUNT_MINOR
from merchant_server.domain.refusal import REFUSALS
from merchant_server.providers.credit_policy.cells import DECIMAL, FEATURES
from merchant_server.providers.credit_policy.check import ANSWER, check
from merchant_server.providers.credit_policy.rows import Rows
from merchant_server.providers.credit_policy.shape import read

ADULT_YEARS = 18
WHOLE_MINOR = (
    "limit_minor",
    "available_minor",
    "counter_offer_minor",
    "installment_max_minor",
    "expected_loss_minor",
)
WHOLE = {
    **dict.fromkeys(WHOLE_MINOR, (0, LARGEST_AMOUNT_MINOR)),
    "rate_cap_bps": (0, 10_000),
    "line_days": (1, 3_650),
}


class ZenCreditPolicy:
    """A checked policy file as a ports.CreditPolicy. Safe to share between threads.

    `document` is its text; `version` the name (a path's stem) and the first 12 hex digits of the SHA-256 of the
    canonical JSON.
    Raises PolicyBroken when the file cannot be read or `check` finds anything.
    """

    def __init__(self, source: Path | bytes, *, name: str = "") -> None:
        self.name = name or (source.stem if isinstance(source, Path) else "policy")
        try:
            policy = source if isinstance(source, bytes) else source.read_bytes()
        except OSError as error:
            raise PolicyBroken(self.name, (f"the file cannot be read: {error.strerror}",)) from None
        if problems := check(policy, rate_cap_bps=WHOLE["rate_cap_bps"][1]):
            raise PolicyBroken(self.name, tuple(str(each) for each in problems))
        document = read(policy)
        self.document = policy.decode()
        canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        self.version = f"{self.name}@{hashlib.sha256(canonical.encode()).hexdigest()[:12]}"
        self._collected = {
            node["content"].get("outputPath") for node in document["nodes"] if "content" in node
        }
        self._rows = Rows.of(document)
        self._decision = zen.ZenEngine().create_decision(json.dumps(self._rows.telling))

    def decide(self, features: Features) -> Decision:
        """Return the policy's answer, with the matched rows and derived values as its trace.

        Raises PolicyBroken when the policy fails, leaves an answer out, contradicts itself, or approves what
        no policy may: an unproven identity, a minor, somebody blocked, or an amount beyond the line.
        """
        try:
            response = self._decision.evaluate(features.to_dict(), {"trace": self._rows.by_trace})
        except (RuntimeError, ValueError, TypeError) as error:
            raise PolicyBroken(self.version, (f"evaluation failed: {_failure(error)}",)) from None
        rows, result = self._rows.matched(response), response["result"]
        faults = [*_answer_faults(result), *_value_faults(result)]
        if not faults:
            faults = list(_contradictions(result, features))
        if faults:
            raise PolicyBroken(self.version, tuple(faults))
        return Decision(
            outcome=Outcome(result["outcome"]),
            grade=result["grade"],
            limit_minor=result["limit_minor"],
            available_minor=result["available_minor"],
            rate_discount=Decimal(result["rate_discount"]),
            reasons=tuple(dict.fromkeys(result["reasons"])),
            policy_version=self.version,
            counter_offer_minor=result["counter_offer_minor"] or None,
            trace={"rows": rows, "values": self._values(result)},
            rate_cap_bps=result["rate_cap_bps"],
            installment_max_minor=_bound(result["installment_max_minor"]),
            line_days=result["line_days"],
            expected_loss_minor=result["expected_loss_minor"],
            ask_bureau=result["ask_bureau"],
        )

    def _values(self, result: dict[str, Any]) -> dict[str, Any]:
        hidden = {*FEATURES, *ANSWER, *self._collected}
        return {name: result[name] for name in sorted(result) if name not in hidden}


def _bound(amount_minor: int) -> int | None:
    return None if amount_minor >= LARGEST_AMOUNT_MINOR else amount_minor


def _failure(error: Exception) -> str:
    """Return the kind and node of an engine error, without the values it may quote."""
    try:
        told = json.loads(str(error).splitlines()[0])
        return f"{told['type']} in node {told.get('nodeId', 'unknown')}"
    except (ValueError, LookupError, TypeError):
        return type(error).__name__


def _answer_faults(result: dict[str, Any]) -> list[str]:
    faults = [f"{name} is missing from the answer" for name in ANSWER if name not in result]
    if faults:
        return faults
    if result["outcome"] not in tuple(Outcome):
        faults.append("outcome is not approve, refer or decline")
    if result["grade"] not in GRADES:
        faults.append("grade is not A to G")
    for name, (smallest, largest) in WHOLE.items():
        if type(result[name]) is not int or not smallest <= result[name] <= largest:
            faults.append(f"{name} is not a whole number from {smallest} to {largest}")
    if type(result["ask_bureau"]) is not bool:
        faults.append("ask_bureau is not true or false")
    discount = result["rate_discount"]
    if not (isinstance(discount, str) and DECIMAL.fullmatch(discount)):
        faults.append("rate_discount is not a decimal text from 0 to 1")
    reasons = result["reasons"]
    if not (
        isinstance(reasons, list) and all(isinstance(each, str) and each in REFUSALS for each in reasons)
    ):
        faults.append("reasons are not a list of known codes")
    return faults


def _value_faults(result: dict[str, Any]) -> list[str]:
    return [f"{name} is not a whole number" for name in sorted(result) if isinstance(result[name], float)]


def _contradictions(result: dict[str, Any], features: Features) -> list[str]:
    approved = result["outcome"] == Outcome.APPROVE
    faults = []
    if approved == bool(result["reasons"]):
        faults.append("reasons must be given exactly when the answer is not yes")
    if result["available_minor"] > result["limit_minor"]:
        faults.append("more is available than the limit")
    if result["counter_offer_minor"] > min(result["available_minor"], features.amount_minor):
        faults.append("the counter-offer is more than what is available or was asked for")
    if approved and features.identity != "match":
        faults.append("approved without a proven identity")
    if approved and features.blocked_matches:
        faults.append("approved somebody who is on the block list")
    if approved and features.age_years < ADULT_YEARS:
        faults.append("approved a minor")
    if approved and features.amount_minor > result["available_minor"]:
        faults.append("approved more than the line")
    return faults
