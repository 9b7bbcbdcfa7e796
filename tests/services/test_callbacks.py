"""The bank's callbacks (law 8): first authenticated, then held against our own row; anything else moves nothing."""

import json
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from merchant_server.domain.deduction import Deduction
from merchant_server.domain.errors import Unauthenticated
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.collection.deductions import ask_bank, request_due
from merchant_server.services.operation import merchants
from tests.installation import Installation


def pending(house: Installation) -> Deduction:
    """Sell, turn the clock, and return the deduction that waits for the bank's word."""
    sold = house.sell(plan="p3")
    house.advance(months=1)
    request_due(house.deps, house.caller.merchant_id)
    ask_bank(house.deps)
    with house.deps.storage.reading() as uow:
        return uow.deductions.of_loan(str(sold.loan_id))[0]


def genuine(house: Installation, deduction: Deduction, **changes: Any) -> tuple[bytes, dict[str, str]]:
    """Return a callback that the bank itself signed, with changes to what it says."""
    body, _ = house.bank.callbacks(deduction.id, house.clock.now())[0]
    told = json.loads(body) | changes
    return house.bank.signed(told, "bev_changed_0001", house.clock.now())


def moved(house: Installation) -> list[Any]:
    """Return everything that a callback may move."""
    tables = ("deductions", "installments", "loans", "journal_entries", "postings", "credit_lines", "events")
    return [house.rows(f"SELECT * FROM {table}") for table in tables]


def audited(house: Installation, action: str) -> int:
    return len(house.rows("SELECT * FROM audit WHERE action = :action", action=action))


def forgeries(body: bytes, headers: dict[str, str]) -> dict[str, tuple[bytes, dict[str, str]]]:
    signature = headers["bank-signature"]
    altered = body.replace(b"succeeded", b"reversed_")
    return {
        "unsigned": (body, {}),
        "no signature": (body, {name: value for name, value in headers.items() if name != "bank-signature"}),
        "truncated signature": (body, headers | {"bank-signature": signature[:-4]}),
        "other signature": (body, headers | {"bank-signature": "A" * 86 + "=="}),
        "unknown key": (body, headers | {"bank-key-id": "bk_0000000000000000"}),
        "altered body": (altered, headers),
        "one space more": (body + b" ", headers),
        "cut body": (body[:-1], headers),
        "another event id": (body, headers | {"bank-event-id": "bev_another_one"}),
        "another time": (body, headers | {"bank-timestamp": str(int(headers["bank-timestamp"]) + 1)}),
        "no time": (body, headers | {"bank-timestamp": ""}),
    }


def test_a_forged_callback_has_no_effect_and_leaves_one_audit_row(installation: Installation) -> None:
    deduction = pending(installation)
    body, headers = installation.bank.callbacks(deduction.id, installation.clock.now())[0]
    before = moved(installation)
    for count, (name, (raw, sent)) in enumerate(forgeries(body, headers).items(), start=1):
        with pytest.raises(Unauthenticated):
            receive(installation.deps, raw, sent)
        assert moved(installation) == before, name
        assert audited(installation, "callback.forged") == count, name
    assert installation.rows("SELECT * FROM callbacks") == []


@pytest.mark.parametrize(
    ("age_seconds", "taken"),
    [(0, True), (299, True), (301, False), (-299, True), (-301, False), (31_536_000, False)],
)
def test_a_callback_is_good_for_five_minutes_either_way(
    sqlite_installation: Installation, age_seconds: int, taken: bool
) -> None:
    installation = sqlite_installation
    deduction = pending(installation)
    signed_at = installation.clock.now() - timedelta(seconds=age_seconds)
    body, headers = installation.bank.callbacks(deduction.id, signed_at)[0]
    if taken:
        assert receive(installation.deps, body, headers).outcome == "applied"
        return
    before = moved(installation)
    with pytest.raises(Unauthenticated):
        receive(installation.deps, body, headers)
    assert moved(installation) == before


def test_a_replay_a_hundred_times_is_one_effect(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    deduction = pending(installation)
    body, headers = installation.bank.callbacks(deduction.id, installation.clock.now())[0]
    verdicts = [receive(installation.deps, body, headers).outcome for _ in range(100)]
    assert verdicts == ["applied"] + ["duplicate"] * 99


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"gateway_account": "another_gateway"}, "gateway_account"),
        ({"mode": "live"}, "mode"),
        ({"mandate_reference": "mnd_another"}, "mandate"),
        ({"reference": "ded_another"}, "reference"),
        ({"amount": {"minor": 1, "currency": "CNY"}}, "amount"),
        ({"amount": {"minor": 133_301, "currency": "CNY"}}, "amount"),
        ({"amount": {"minor": 133_300, "currency": "EUR"}}, "currency"),
        ({"kind": "deduction.refunded"}, None),
        ({"status": "failed"}, None),
        ({"kind": "mandate.cancelled", "status": "cancelled"}, None),
    ],
)
def test_what_is_genuine_but_wrong_is_quarantined_and_moves_nothing(
    sqlite_installation: Installation, changes: dict[str, Any], difference: str | None
) -> None:
    installation = sqlite_installation
    deduction = pending(installation)
    assert deduction.amount.minor == 133_300
    before = moved(installation)
    verdict = receive(installation.deps, *genuine(installation, deduction, **changes))
    assert verdict.outcome == "quarantined"
    assert difference is None or verdict.reason == difference
    assert moved(installation) == before
    assert audited(installation, "callback.quarantined") == 1
    # The right one, when it comes, still settles.
    body, headers = installation.bank.callbacks(deduction.id, installation.clock.now())[0]
    assert receive(installation.deps, body, headers).outcome == "applied"


def test_another_deductions_callback_does_not_settle_this_one(installation: Installation) -> None:
    first = pending(installation)
    stranger = installation.another_merchant()
    second = pending(stranger)
    body = json.loads(installation.bank.callbacks(first.id, installation.clock.now())[0][0])
    told = body | {"reference": second.id}
    verdict = receive(
        installation.deps, *installation.bank.signed(told, "bev_crossed_01", installation.clock.now())
    )
    assert (verdict.outcome, verdict.reason) == ("quarantined", "mandate")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b"null", b"not json", b'{"reference": 1}', b"\xff\xfe", b'{"a": 1, "a": 2}',
        b'{"amount": {"minor": 1.5, "currency": "CNY"}}', b'{"amount": NaN}', b"[" * 3_000,
    ],
)  # fmt: skip
def test_signed_nonsense_is_quarantined(sqlite_installation: Installation, body: bytes) -> None:
    installation = sqlite_installation
    from merchant_server.providers.sandbox.callbacks import signed_headers

    headers = signed_headers(installation.bank._key, "bev_nonsense_1", body, installation.clock.now())
    assert receive(installation.deps, body, headers).outcome == "quarantined"
    assert audited(installation, "callback.quarantined") == 1
    assert installation.client.post("/callbacks/bank", data=body, headers=headers).status_code == 200


@pytest.mark.parametrize("order", list(permutations(("failed", "succeeded", "reversed"))))
def test_in_any_order_the_money_ends_where_the_bank_has_it(
    sqlite_installation: Installation, order: tuple[str, ...]
) -> None:
    """A bank that tells a failure, a success and a reversal of one deduction has the money back in the end."""
    installation = sqlite_installation
    deduction = pending(installation)
    for number, status in enumerate(order):
        told = {"kind": f"deduction.{status}", "status": status, "code": "" if status == "succeeded" else "x"}
        body = json.loads(installation.bank.callbacks(deduction.id, installation.clock.now())[0][0]) | told
        verdict = receive(
            installation.deps,
            *installation.bank.signed(body, f"bev_order_{number:04d}", installation.clock.now()),
        )
        assert verdict.outcome in ("applied", "unchanged")
    with installation.deps.storage.reading() as uow:
        settled = uow.deductions.get(deduction.id)
        assert settled is not None and settled.status == "reversed"
        assert uow.ledger.balance("bank:cash", "CNY").minor == 0
        assert uow.loans.installments(deduction.loan_id)[0].paid.minor == 0


@pytest.mark.parametrize("order", [("succeeded", "failed"), ("failed", "succeeded")])
def test_a_success_stands_whenever_a_failure_is_told(
    sqlite_installation: Installation, order: tuple[str, ...]
) -> None:
    installation = sqlite_installation
    deduction = pending(installation)
    for number, status in enumerate(order):
        told = {"kind": f"deduction.{status}", "status": status, "code": "" if status == "succeeded" else "x"}
        body = json.loads(installation.bank.callbacks(deduction.id, installation.clock.now())[0][0]) | told
        receive(
            installation.deps,
            *installation.bank.signed(body, f"bev_order_{number:04d}", installation.clock.now()),
        )
    with installation.deps.storage.reading() as uow:
        assert uow.loans.installments(deduction.loan_id)[0].status == "paid"
        assert uow.ledger.balance("bank:cash", "CNY") == deduction.amount


def test_a_callback_that_comes_before_the_banks_own_answer_settles(installation: Installation) -> None:
    installation.sell(plan="p3")
    installation.advance(months=1)
    request_due(installation.deps, installation.caller.merchant_id)
    (row,) = installation.rows("SELECT id FROM deductions")
    with installation.deps.storage.reading() as uow:
        requested = uow.deductions.get(row["id"])
    assert requested is not None and requested.status == "requested"
    installation.bank.deduct(
        reference=requested.id, mandate_reference=requested.mandate_id, amount=requested.amount
    )
    body, headers = installation.bank.callbacks(requested.id, installation.clock.now())[0]
    assert receive(installation.deps, body, headers).outcome == "applied"
    ask_bank(installation.deps)
    with installation.deps.storage.reading() as uow:
        settled = uow.deductions.get(requested.id)
    assert settled is not None and settled.status == "succeeded"


def test_over_http_it_is_acknowledged_in_the_banks_manner_once_it_is_durable(
    installation: Installation,
) -> None:
    deduction = pending(installation)
    body, headers = installation.bank.callbacks(deduction.id, installation.clock.now())[0]
    answer = installation.client.post("/callbacks/bank", data=body, headers=headers)
    assert (answer.status_code, answer.get_json()) == (200, {"code": "SUCCESS", "message": "applied"})
    with installation.deps.storage.reading() as uow:
        settled = uow.deductions.get(deduction.id)
    assert settled is not None and settled.status == "succeeded"


def test_a_callback_is_not_acknowledged_while_the_database_cannot_serve(
    sqlite_installation: Installation,
) -> None:
    house = sqlite_installation
    deduction = pending(house)
    body, headers = house.bank.callbacks(deduction.id, house.clock.now())[0]
    assert house.app
    house.engine.close()
    assert house.client.post("/callbacks/bank", data=body, headers=headers).status_code == 503
    house.engine.__init__(house.engine.path)  # type: ignore[misc, attr-defined]
    assert house.client.post("/callbacks/bank", data=body, headers=headers).status_code == 200


def test_a_revoked_merchant_key_does_not_stop_the_banks_word(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    deduction = pending(installation)
    merchants.revoke_key(installation.deps, installation.caller.key_id)
    body, headers = installation.bank.callbacks(deduction.id, installation.clock.now())[0]
    assert receive(installation.deps, body, headers).outcome == "applied"
