"""Every pair of states of every machine: what is not drawn here is refused, with the moves that are open."""

from enum import StrEnum
from itertools import product
from typing import Any

import pytest

from merchant_server.domain.agreement import AGREEMENT_MACHINE, TIMESTAMP_MACHINE
from merchant_server.domain.checkout import BEFORE_SIGNATURE, MACHINE, TILL_TEXT, CheckoutStatus
from merchant_server.domain.deduction import DEDUCTION_MACHINE, MANDATE_MACHINE
from merchant_server.domain.dispute import DISPUTE_MACHINE
from merchant_server.domain.errors import TransitionNotAllowed
from merchant_server.domain.event import DELIVERY_MACHINE
from merchant_server.domain.installment import INSTALLMENT_MACHINE, OPEN_INSTALLMENTS
from merchant_server.domain.loan import LOAN_MACHINE
from merchant_server.domain.machine import Machine
from merchant_server.domain.transfer import TRANSFER_MACHINE

# Drawn a second time on purpose: a move that is added or lost in the code has to be added or lost here too.
DRAWN: dict[str, tuple[Machine[Any], dict[str, str]]] = {
    "checkout": (MACHINE, {
        "created": "opened expired cancelled",
        "opened": "deciding expired cancelled",
        "deciding": "offered declined referred opened expired cancelled",
        "offered": "signing expired cancelled",
        "referred": "offered declined expired cancelled",
        "signing": "authorized offered expired cancelled",
        "authorized": "authorized captured voided",
        "captured": "captured closed",
        "declined": "referred",
        "closed": "", "expired": "", "cancelled": "", "voided": "",
    }),
    "loan": (LOAN_MACHINE, {
        "active": "overdue repaid refunded cancelled",
        "overdue": "active repaid written_off refunded",
        "repaid": "overdue active",
        "refunded": "overdue active",
        "written_off": "", "cancelled": "",
    }),
    "installment": (INSTALLMENT_MACHINE, {
        "scheduled": "due deducting waived refunded replaced paid",
        "due": "deducting scheduled overdue paid waived refunded replaced",
        "deducting": "paid scheduled due overdue",
        "overdue": "deducting scheduled paid waived refunded replaced",
        "paid": "overdue due scheduled refunded",
        "replaced": "scheduled overdue",
        "waived": "", "refunded": "",
    }),
    "mandate": (MANDATE_MACHINE, {
        "pending": "active cancelled",
        "active": "suspended cancelled expired",
        "suspended": "active cancelled expired",
        "cancelled": "", "expired": "",
    }),
    "transfer": (TRANSFER_MACHINE, {"pending": "succeeded failed", "succeeded": "", "failed": ""}),
    "deduction": (DEDUCTION_MACHINE, {
        "requested": "pending succeeded failed",
        "pending": "succeeded failed",
        "succeeded": "reversed",
        "failed": "succeeded",
        "reversed": "",
    }),
    "agreement": (AGREEMENT_MACHINE, {"draft": "signed replaced", "signed": "", "replaced": ""}),
    "delivery": (DELIVERY_MACHINE, {"pending": "delivered dead", "dead": "pending", "delivered": "pending"}),
    "dispute": (DISPUTE_MACHINE, {
        "open": "evidence_submitted accepted lost withdrawn",
        "evidence_submitted": "evidence_submitted challenged accepted withdrawn",
        "challenged": "won lost accepted withdrawn",
        "won": "", "lost": "", "accepted": "", "withdrawn": "",
    }),
    "timestamp": (TIMESTAMP_MACHINE, {"pending": "stamped", "stamped": ""}),
}  # fmt: skip


def cells() -> list[tuple[str, str, str]]:
    return [
        (noun, current, wanted)
        for noun, (_, moves) in DRAWN.items()
        for current, wanted in product(moves, repeat=2)
    ]


@pytest.mark.parametrize("noun", DRAWN)
def test_the_drawing_has_every_state(noun: str) -> None:
    machine, moves = DRAWN[noun]
    assert {state.value for state in machine.moves} == set(moves)
    assert machine.start.value == next(iter(moves))


@pytest.mark.parametrize(("noun", "current", "wanted"), cells())
def test_a_move_is_allowed_exactly_when_it_is_drawn(noun: str, current: str, wanted: str) -> None:
    machine, moves = DRAWN[noun]
    states = type(machine.start)
    if wanted in moves[current].split():
        assert machine.check(states(current), states(wanted)) == wanted
        return
    with pytest.raises(TransitionNotAllowed) as refusal:
        machine.check(states(current), states(wanted))
    assert refusal.value.facts == {"current": current, "wanted": wanted}
    assert all(move in refusal.value.hint for move in moves[current].split())


def test_a_state_is_final_exactly_when_nothing_follows() -> None:
    for machine, moves in DRAWN.values():
        for state in machine.moves:
            assert machine.is_final(state) is (moves[state.value] == "")


def test_every_state_of_a_checkout_has_a_text_for_the_till_in_both_languages() -> None:
    for status in CheckoutStatus:
        chinese, english = TILL_TEXT[status]
        assert chinese and english and chinese != english


def test_what_can_be_cancelled_is_what_is_not_signed() -> None:
    assert {
        state for state in CheckoutStatus if MACHINE.allows(state, CheckoutStatus.CANCELLED)
    } == BEFORE_SIGNATURE


def test_an_open_installment_is_one_that_can_still_be_paid() -> None:
    states = {
        state for state in INSTALLMENT_MACHINE.moves if INSTALLMENT_MACHINE.allows(state, type(state)("paid"))
    }
    assert states == OPEN_INSTALLMENTS


class Light(StrEnum):
    ON = "on"
    OFF = "off"


def test_a_machine_with_a_forgotten_state_is_refused_when_it_is_defined() -> None:
    with pytest.raises(TypeError, match="no row for"):
        Machine("light", Light.ON, {Light.ON: (Light.OFF,)})


def test_a_machine_with_an_unreachable_state_is_refused_when_it_is_defined() -> None:
    with pytest.raises(TypeError, match="no way leads to"):
        Machine("light", Light.ON, {Light.ON: (), Light.OFF: (Light.ON,)})
