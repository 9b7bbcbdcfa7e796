"""What a consumer was shown and did on the way to a signature: the events that an evidence bundle is made of."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from merchant_server.domain.audit import AuditRow
from merchant_server.domain.stroke import Stroke

# Names the wording of an application's consents and of an agreement's confirmation; another text needs a new name.
CONSENT_TEXT_VERSION = "2026-11-21"
# Clocks of two servers may differ a little; more than this, and times would run backwards in the evidence.
CLOCK_SKEW_SECONDS = 2
USER_AGENT_MAX = 300


class ConsentKind(StrEnum):
    """What happened, in the order of a sale."""

    CONSENTS_GIVEN = "consents.given"
    AGREEMENT_SHOWN = "agreement.shown"
    AGREEMENT_READ = "agreement.read"
    CODE_SENT = "code.sent"
    CODE_WRONG = "code.wrong"
    CODE_USED = "code.used"
    AGREEMENT_SIGNED = "agreement.signed"
    AGREEMENT_STAMPED = "agreement.stamped"


@dataclass(frozen=True, slots=True)
class Witness:
    """What a page saw of the person who acted; None is "the page did not say".

    `address`, `user_agent` and `stroke` are personal data. `scrolled_to_end` and `confirmed` are the page's own word.
    """

    address: str | None = None
    user_agent: str | None = None
    scrolled_to_end: bool | None = None
    confirmed: bool | None = None
    stroke: Stroke | None = None

    def __repr__(self) -> str:
        return "Witness(***)"

    def personal(self) -> dict[str, str]:
        """Return what must be sealed, as far as it is known."""
        known = {
            "address": self.address,
            "user_agent": self.user_agent and self.user_agent[:USER_AGENT_MAX],
            "stroke": self.stroke and self.stroke.text(),
        }
        return {name: _well_formed(value) for name, value in known.items() if value}

    def seen(self) -> dict[str, bool]:
        """Return what the page says was done with the document, as far as it says so."""
        told = {"scrolled_to_end": self.scrolled_to_end, "confirmed": self.confirmed}
        return {name: value for name, value in told.items() if value is not None}


UNSEEN = Witness()


@dataclass(frozen=True, slots=True)
class ConsentEvent:
    """One event with its place in the audit log.

    `personal` is committed to by the row's detail (`personal`) under `personal_salt`; both are None once erased.
    """

    row: AuditRow
    leaf_hash: str
    personal: dict[str, Any] | None
    personal_salt: str | None

    def __repr__(self) -> str:
        return f"ConsentEvent({self.row.sequence}, {self.row.action}, ***)"


def _well_formed(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "")
