"""Erasure: refused with reasons and dates, or complete; books, events, audit and laws stay whole."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from merchant_server.domain.errors import Erased, RuleRefused
from merchant_server.domain.retention import EndedLoan, keepings, look_again_on, years_after
from merchant_server.services.person import erasure, mandates
from merchant_server.services.person.belongings import look, signed_document
from merchant_server.services.person.complaints import file_complaint
from merchant_server.services.person.copy import copy_of_data
from merchant_server.services.sale import claims, codes
from merchant_server.storage.sealed import Unsealable
from tests.installation import Installation
from tests.privacy.people import Somebody, Visitor, apply, come_to_my_page, repay, sell

WHO = Somebody(1)


def without_retention(house: Installation) -> None:
    house.deps = replace(house.deps, retention_years=0)


def plain_rows(house: Installation) -> dict[str, list[dict[str, Any]]]:
    tables = (
        "loans", "installments", "journal_entries", "postings", "events", "deductions", "transitions", "decisions",
    )  # fmt: skip
    return {table: house.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables}


def test_an_open_loan_is_named_as_the_reason(installation: Installation) -> None:
    sold = sell(installation, WHO)
    with pytest.raises(RuleRefused) as refused:
        erasure.erase_consumer(installation.deps, sold.consumer_id or "")
    assert refused.value.code == "erasure_refused"
    assert refused.value.facts["reasons"] == [("loan_open", sold.loan_id, None)]


def test_a_repaid_loan_is_kept_as_long_as_the_law_wants_and_then_erased_by_itself(
    installation: Installation,
) -> None:
    sold = sell(installation, WHO)
    repay(installation)
    consumer_id = sold.consumer_id or ""
    ended = installation.clock.now().date()
    answer = erasure.ask_for_erasure(installation.deps, consumer_id)
    assert (answer.done, answer.due_on) == (False, years_after(ended, 10))
    assert [(each.code, each.subject, each.until) for each in answer.reasons] == [
        ("records_kept", sold.loan_id, years_after(ended, 10))
    ]
    assert look(installation.deps, consumer_id).erasure_due_on == answer.due_on
    installation.clock.pass_(days=3652)
    installation.work()
    assert installation.rows("SELECT erased_at FROM consumers")[0]["erased_at"] is None
    installation.clock.pass_(days=2)
    installation.work()
    assert installation.rows("SELECT erased_at FROM consumers")[0]["erased_at"] is not None
    assert installation.rows("SELECT actor FROM audit WHERE action = 'person.erased'") == [
        {"actor": "worker"}
    ]


def test_an_erased_person_is_unreadable_everywhere_and_nothing_else_changed(
    installation: Installation,
) -> None:
    without_retention(installation)
    sold, other = sell(installation, WHO), sell(installation, Somebody(2))
    file_complaint(installation.deps, sold.consumer_id or "", "Something")
    repay(installation)
    installation.clock.pass_(days=30)
    before = plain_rows(installation)
    consumer_id = sold.consumer_id or ""
    erasure.erase_consumer(installation.deps, consumer_id)
    assert plain_rows(installation) == before
    assert installation.breaches() == []
    with installation.deps.storage.reading() as uow:
        for read, name in (
            (uow.consumers.get, consumer_id),
            (uow.agreements.get, sold.agreement_id),
            (uow.decisions.get, sold.decision_id),
            (uow.applicants.get, sold.id),
            (uow.complaints.of_consumer, consumer_id),
        ):
            with pytest.raises(Erased):
                read(name)
            with pytest.raises(Unsealable):
                read(name)
        assert uow.consumers.get(other.consumer_id) is not None
        assert uow.agreements.get(other.agreement_id) is not None
    for service in (look, copy_of_data, erasure.ask_for_erasure, erasure.erase_consumer):
        with pytest.raises(Erased):
            service(installation.deps, consumer_id)
    with pytest.raises(Erased):
        signed_document(installation.deps, consumer_id, sold.agreement_id or "")


def test_no_hash_finds_an_erased_person(installation: Installation) -> None:
    without_retention(installation)
    checkout = apply(installation, WHO)
    come_to_my_page(installation, WHO)
    installation.clock.pass_(minutes=20)
    with installation.deps.storage.reading() as uow:
        phone, number = (
            uow.visits.phone_index(WHO.phone),
            installation.rows("SELECT id_number_index FROM consumers")[0],
        )
    erasure.erase_consumer(installation.deps, checkout.consumer_id or "")
    for table in ("applicants", "codes", "code_sends", "my_visits", "my_codes"):
        assert installation.rows(f"SELECT * FROM {table} WHERE phone_index = :phone", phone=phone) == [], (
            table
        )
    assert (
        installation.rows("SELECT * FROM consumers WHERE id_number_index = :id_number_index", **number) == []
    )
    assert installation.rows("SELECT * FROM codes WHERE bound_to = :phone", phone=phone) == []


def test_who_was_erased_and_comes_back_is_a_new_person(installation: Installation) -> None:
    without_retention(installation)
    first = apply(installation, WHO)
    installation.clock.pass_(minutes=20)
    erasure.erase_consumer(installation.deps, first.consumer_id or "")
    installation.clock.pass_(days=1)
    again = sell(installation, WHO)
    assert again.consumer_id != first.consumer_id
    with installation.deps.storage.reading() as uow:
        found = uow.consumers.get(again.consumer_id)
    assert found is not None and found.person.name == WHO.name


def test_pages_of_an_erased_person_say_so(installation: Installation) -> None:
    without_retention(installation)
    sold = sell(installation, WHO)
    repay(installation)
    visitor = Visitor(installation, WHO)
    assert visitor.sign_in().status_code == 200
    visitor.get("/data")
    answer = visitor.post("/erasure", sure="yes")
    assert answer.headers["Location"] == "/my?erased=1"
    assert "您的信息已删除" in visitor.get("?erased=1").text
    assert visitor.get("/data").headers["Location"].startswith("/my?over")
    browser = installation.client
    browser.set_cookie("fenqi_phone", WHO.claim)
    for page in ("/done", "/agreement.pdf"):
        shown = browser.get(f"/p/{sold.token}{page}")
        assert (shown.status_code, "该用户的信息已删除" in shown.text) == (410, True), page
    loan = installation.get(f"/v1/loans/{sold.loan_id}")
    assert (loan.status_code, loan.json["status"]) == (200, "repaid")


def test_a_purchase_under_way_and_a_waiting_complaint_stand_in_the_way(installation: Installation) -> None:
    checkout = apply(installation, WHO)
    consumer_id = checkout.consumer_id or ""
    file_complaint(installation.deps, consumer_id, "Nobody answers the phone")
    found = {each.code: each.until for each in erasure.reasons_to_keep(installation.deps, consumer_id)}
    assert found == {"purchase_open": date(2026, 11, 21), "complaint_open": date(2026, 12, 6)}
    installation.clock.pass_(days=16)
    assert erasure.ask_for_erasure(installation.deps, consumer_id).done


def test_a_mandate_that_is_left_is_taken_back_also_when_the_bank_is_down(installation: Installation) -> None:
    without_retention(installation)
    sold = sell(installation, WHO)
    repay(installation)
    installation.bank.down = True
    erasure.erase_consumer(installation.deps, sold.consumer_id or "")
    assert installation.rows("SELECT status FROM mandates")[0]["status"] == "suspended"
    installation.bank.down = False
    assert mandates.end_revoked_mandates(installation.deps) == 1
    assert installation.rows("SELECT status FROM mandates")[0]["status"] == "cancelled"


def test_what_strangers_typed_is_forgotten_after_a_month(installation: Installation) -> None:
    checkout = installation.checkout()
    claims.open_link(installation.deps, checkout.token, "claim")
    codes.send_phone_code(installation.deps, checkout.token, "claim", WHO.phone)
    bought = sell(installation, Somebody(2))
    installation.clock.pass_(days=29)
    installation.work()
    with installation.deps.storage.reading() as uow:
        assert uow.applicants.get(checkout.id) is not None
    installation.clock.pass_(days=2)
    installation.work()
    with installation.deps.storage.reading() as uow:
        with pytest.raises(Erased):
            uow.applicants.get(checkout.id)
        assert uow.applicants.get(bought.id) is not None
    assert installation.rows("SELECT * FROM code_sends") == []


def test_a_loan_signed_between_two_looks_stops_the_erasure(
    installation: Installation, monkeypatch: Any
) -> None:
    checkout = apply(installation, WHO)
    consumer_id = checkout.consumer_id or ""
    monkeypatch.setattr(erasure, "reasons_to_keep", lambda deps, consumer_id: ())
    with pytest.raises(RuleRefused, match="must be kept"):
        erasure.erase_consumer(installation.deps, consumer_id)
    with installation.deps.storage.reading() as uow:
        assert uow.consumers.get(consumer_id) is not None


@pytest.mark.parametrize(
    ("since", "today", "kept"),
    [
        (date(2026, 2, 28), date(2036, 2, 27), True),
        (date(2026, 2, 28), date(2036, 2, 28), False),
        (date(2024, 2, 29), date(2034, 2, 28), True),
        (date(2024, 2, 29), date(2034, 3, 1), False),
    ],
)
def test_the_years_are_counted_by_the_calendar(since: date, today: date, kept: bool) -> None:
    loan = EndedLoan("loan_1", "repaid", since)
    found = keepings([loan], open_checkout_until=None, complaints_due_on=[], retention_years=10, today=today)
    assert bool(found) is kept
    assert look_again_on(found, today) == (years_after(since, 10) if kept else today)


def test_an_overdue_loan_is_open_however_old(installation: Installation) -> None:
    loan = EndedLoan("loan_1", "overdue", date(1990, 1, 1))
    found = keepings(
        [loan], open_checkout_until=None, complaints_due_on=[], retention_years=0, today=date(2026, 1, 1)
    )
    assert [(each.code, each.until) for each in found] == [("loan_open", None)]
