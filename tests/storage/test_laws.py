"""Every law can fail: a row written by hand that breaks it is named by the checker, and a clean house by none."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan

from merchant_server.domain.refund import Strategy
from merchant_server.domain.relief_proposal import ReliefKind
from merchant_server.domain.repayment import RepaymentKind
from merchant_server.services.collection import proposals
from merchant_server.services.collection.booking import receive as receive_money
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.operation.merchants import put_plan
from merchant_server.services.refunds.committing import refund_at_once
from merchant_server.services.settlement.money_returns import return_money_of_loan
from merchant_server.services.settlement.terms import set_terms
from merchant_server.storage.laws import LAWS, breaches
from merchant_server.storage.opening import open_engine
from tests.disputes.disputing import give_in, open_one
from tests.installation import Installation, build

PAID = "(SELECT id FROM deductions WHERE status = 'succeeded' ORDER BY id LIMIT 1)"
ARCHIVED = (
    "INSERT INTO event_archives (merchant_id, mode, up_to, events, through_month, file_sha256, archived_at)"
)
BREAKS: dict[str, tuple[str, ...]] = {
    "1 an entry has postings": (
        "INSERT INTO journal_entries SELECT 'je_x', merchant_id, 'x', 'x', NULL, occurred_on, created_at"
        " FROM journal_entries LIMIT 1",
    ),
    "1 a posting moves a positive amount": (
        "UPDATE postings SET amount_minor = -amount_minor WHERE entry_id = (SELECT MIN(entry_id) FROM postings)",
        "UPDATE postings SET target = source WHERE entry_id = (SELECT MIN(entry_id) FROM postings)",
        "UPDATE postings SET merchant_id = 'mer_x' WHERE entry_id = (SELECT MIN(entry_id) FROM postings)",
        "UPDATE postings SET currency = 'EUR' WHERE entry_id = (SELECT MIN(entry_id) FROM postings)",
        "UPDATE postings SET entry_id = 'je_gone' WHERE entry_id = (SELECT MIN(entry_id) FROM postings)",
    ),
    "1 a payout is what its lines": (
        "UPDATE payouts SET amount_minor = amount_minor + 1",
        "UPDATE payout_lines SET amount_minor = amount_minor + 1",
        "DELETE FROM payout_lines",
    ),
    "1 a payout is booked as": (
        "UPDATE payouts SET status = 'failed'",
        "UPDATE payouts SET status = 'pending'",
        "UPDATE journal_entries SET kind = 'gift' WHERE kind = 'payout_paid'",
    ),
    "1 a transfer is booked as": (
        "UPDATE transfers SET amount_minor = amount_minor + 1",
        "UPDATE transfers SET status = 'failed'",
        "UPDATE journal_entries SET kind = 'gift' WHERE kind = 'money_return_succeeded'",
    ),
    "2 interest that was accrued": (
        "UPDATE daily_closes SET accrued_minor = accrued_minor + 1",
        "UPDATE journal_entries SET kind = 'gift' WHERE kind = 'accrual'",
    ),
    "1 what is kept back": (
        "UPDATE reserves SET released_at = NULL",
        "UPDATE reserves SET amount_minor = amount_minor + 1, released_at = NULL",
    ),
    "2 a schedule sums": (
        "UPDATE installments SET principal_minor = principal_minor + 1 WHERE number = 3",
        "UPDATE installments SET interest_minor = interest_minor + 1 WHERE number = 3",
        "UPDATE installments SET fee_minor = fee_minor + 1 WHERE number = 3",
        "DELETE FROM installments WHERE number = 3",
    ),
    "2 what was relieved": (
        "UPDATE loans SET relieved_principal_minor = 1",
        "UPDATE loans SET penalty_minor = 1",
    ),
    "2 what each account of a loan holds": (
        "UPDATE postings SET amount_minor = amount_minor + 1 WHERE target LIKE 'loan:%:principal'",
        "UPDATE installments SET penalty_minor = 1 WHERE number = 3",
        "UPDATE installments SET principal_paid_minor = principal_paid_minor + 1",
    ),
    "2 what a loan says was paid": (
        "UPDATE loans SET paid_minor = paid_minor - 1 WHERE paid_minor > 0",
        "UPDATE installments SET paid_minor = 1 WHERE status = 'scheduled' AND number = 3",
        "UPDATE installments SET fee_paid_minor = 1 WHERE number = 3",
    ),
    "2 repaid means": ("UPDATE loans SET status = 'repaid'",),
    "3 an installment is over": (
        "UPDATE installments SET status = 'paid' WHERE number = 3",
        "UPDATE installments SET status = 'due' WHERE status = 'paid'",
        "UPDATE installments SET interest_paid_minor = interest_minor + 1",
    ),
    "3 an installment holds": (
        "UPDATE repayment_portions SET principal_minor = principal_minor + 1",
        "UPDATE repayments SET reversed_at = received_at",
        "UPDATE repayments SET reversed_at = NULL",
    ),
    "3 a repayment's amount": (
        "UPDATE repayments SET excess_minor = 1",
        "UPDATE journal_entries SET kind = 'gift' WHERE kind = 'repayment'",
    ),
    "3 what was recovered": (
        "UPDATE repayments SET amount_minor = amount_minor * 100000 WHERE kind = 'recovery'",
        "UPDATE schedule_changes SET relieved_principal_minor = 0 WHERE kind = 'write_off'",
    ),
    "4 relief was granted": (
        "UPDATE relief_proposals SET decided_by = proposed_by",
        "UPDATE relief_proposals SET status = 'rejected'",
        "UPDATE schedule_changes SET source_id = 'x' WHERE kind = 'write_off'",
    ),
    "3 every deduction that succeeded": (
        f"UPDATE journal_entries SET kind = 'gift' WHERE source_id = {PAID}",
        f"UPDATE deductions SET status = 'failed' WHERE id = {PAID}",
    ),
    "3 every payment order": (
        "INSERT INTO payment_orders SELECT 'pay_x', merchant_id, mode, id, 'x', 'x', 1, currency, 'paid', 1, 'x',"
        " created_at, created_at, NULL, created_at FROM loans LIMIT 1",
    ),
    "3 every reversal": (
        f"UPDATE deductions SET status = 'reversed' WHERE id = {PAID}",
        "UPDATE deductions SET status = 'succeeded' WHERE status = 'reversed'",
    ),
    "3 what a bank collected": (f"UPDATE deductions SET amount_minor = amount_minor + 1 WHERE id = {PAID}",),
    "3 a cash-back is booked": (
        "UPDATE cash_backs SET amount_minor = amount_minor + 1",
        "UPDATE cash_backs SET bps = 1",
        "DELETE FROM cash_backs",
    ),
    "4 captured and voided are at most signed": (
        "UPDATE checkouts SET voided_minor = 1 WHERE captured_minor = amount_minor",
        "UPDATE checkouts SET captured_minor = amount_minor + 1",
        "UPDATE checkouts SET status = 'opened' WHERE captured_minor > 0",
    ),
    "4 a line's use": (
        "UPDATE credit_lines SET used_minor = used_minor + 1",
        "UPDATE credit_lines SET used_minor = 0",
    ),
    "4 refunded is at most": ("UPDATE refunds SET amount_minor = amount_minor + 399900",),
    "4 what a refund gives": (
        "UPDATE refunds SET to_consumer_minor = to_consumer_minor + 1",
        "UPDATE refunds SET status = 'pending' WHERE to_consumer_minor > 0",
        "UPDATE journal_entries SET kind = 'gift' WHERE kind = 'money_back'",
    ),
    "6 signed agreement, loan": (
        "DELETE FROM loans",
        "UPDATE journal_entries SET kind = 'x' WHERE kind = 'signing'",
        "UPDATE events SET aggregate_sequence = 99 WHERE type = 'loan.created'",
        "DELETE FROM audit WHERE action = 'agreement.signed'",
    ),
    "6 a loan has a signed agreement": (
        "UPDATE agreements SET status = 'draft'",
        "UPDATE agreements SET signed_sha256 = NULL",
        "UPDATE agreements SET loan_id = 'loan_' || id",
    ),
    "4 a live dispute": (
        "UPDATE loans SET collection_paused_reason = NULL WHERE collection_paused_reason IS NOT NULL",
        "UPDATE loans SET collection_paused_reason = 'dispute' WHERE collection_paused_reason IS NULL",
    ),
    "4 a loan that an operator suspended": (
        "UPDATE loans SET collection_suspended_reason = 'hardship', collection_paused_reason = NULL",
        "UPDATE loans SET collection_paused_reason = 'operator', collection_suspended_reason = NULL",
    ),
    "4 a lost or accepted": (
        "UPDATE disputes SET status = 'lost' WHERE status = 'open'",
        "UPDATE disputes SET refunded_before_minor = 1 WHERE status = 'accepted'",
        "UPDATE disputes SET amount_minor = amount_minor + 1 WHERE status = 'accepted'",
    ),
    "4 a dispute is decided": (
        "UPDATE disputes SET status = 'won' WHERE status = 'open'",
        "UPDATE disputes SET decided_by = opened_by WHERE status = 'accepted'",
    ),
    "6 a signature has its timestamp": (
        "UPDATE agreements SET timestamp_status = NULL",
        "UPDATE agreements SET status = 'draft'",
    ),
    "6 a loan's mandate": (
        "UPDATE mandates SET status = 'pending'",
        "UPDATE mandates SET consumer_id = 'con_x'",
    ),
    "7 an aggregate's events": ("DELETE FROM events WHERE type = 'checkout.opened'",),
    "7 a merchant's events": (
        "UPDATE event_sequences SET last = last + 1",
        "DELETE FROM events WHERE sequence = 1",
        f"{ARCHIVED} SELECT merchant_id, mode, 2, 1, '2026-11', '', created_at FROM events WHERE sequence = 1",
        f"{ARCHIVED} SELECT merchant_id, mode, 999, 999, '2026-11', '', created_at FROM events WHERE sequence = 1",
    ),
    "7 every version": ("DELETE FROM events WHERE type = 'loan.created'",),
    "8 what a callback changed": ("UPDATE callbacks SET reference = 'ded_x' WHERE verdict = 'applied'",),
    "9 a claimed checkout": (
        "INSERT INTO transitions SELECT aggregate_id, 99, merchant_id, from_state, to_state, reason, at"
        " FROM transitions WHERE to_state = 'opened' LIMIT 1",
    ),
    "9 a loan is for exactly": (
        "UPDATE checkouts SET amount_minor = amount_minor + 1",
        "UPDATE loans SET merchant_id = 'mer_x'",
        "UPDATE loans SET mode = 'live'",
    ),
    "9 a row names the merchant": (
        "UPDATE callbacks SET merchant_id = ''",
        "UPDATE consent_events SET merchant_id = 'mer_x'",
        "UPDATE payout_lines SET merchant_id = 'mer_x'",
    ),
    "6 every audit row": (
        "DELETE FROM audit_leaves WHERE sequence = 1",
        "INSERT INTO audit_arrivals (audit_id) SELECT audit_id FROM audit_leaves WHERE sequence = 1",
    ),
    "6 the log's places": (
        "UPDATE audit_tree SET size = size + 1",
        "UPDATE audit_leaves SET previous_hash = 'x' WHERE sequence = 2",
        "DELETE FROM audit_leaves WHERE sequence = 2",
    ),
}
# Laws about what has tests of its own beside it.
PROVED_ELSEWHERE = ("4 every decision's", "4 no policy", "4 a verdict", "4 an answered complaint")


@pytest.fixture(scope="module")
def lived_in(
    migrated_sqlite: Path, authority_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A house with a loan that pays and one whose repayment was taken back."""
    path = tmp_path_factory.mktemp("lived_in") / "fenqi.sqlite"
    shutil.copyfile(migrated_sqlite, path)
    engine = open_engine(f"sqlite:///{path}")
    house = build(engine, authority_folder, real_documents=False)
    set_terms(
        house.deps, house.caller.merchant_id, payout_account="sandbox_9001", reserve_bps=500, reserve_days=3
    )
    house.sell(plan="p3")
    other = house.sell(Money(50_000, "CNY"), plan="p3", account="0006", reference="order-2")
    third = house.sell(Money(60_000, "CNY"), plan="p3", reference="order-3")
    with house.deps.storage.unit_of_work() as uow:
        plan = Plan(
            id="p6c", installments=6, annual_rate="0.12", cash_back_bps={"merchant": 100, "lender": 50}
        )
        put_plan(uow, house.deps, house.caller, plan)
    generous = house.sell(Money(50_000, "CNY"), plan="p6c", reference="order-4")
    fourth = house.sell(Money(40_000, "CNY"), plan="p3", reference="order-5")
    fifth = house.sell(Money(30_000, "CNY"), plan="p3", reference="order-6")
    house.advance(months=1)
    house.work()
    deduction = house.rows("SELECT id FROM deductions WHERE loan_id = :id", id=other.loan_id)[0]["id"]
    for body, headers in house.bank.callbacks(deduction, house.clock.now()):
        receive(house.deps, body, headers)
    with house.deps.storage.unit_of_work() as uow:
        refund_at_once(
            uow, house.deps, house.caller, str(third.loan_id), Money(60_000, "CNY"), Strategy.RECOMPUTE, ""
        )
    open_one(house, fourth)
    give_in(house, open_one(house, fifth).id)
    house.work()
    lost = proposals.propose(house.deps, str(other.loan_id), ReliefKind.WRITE_OFF, {}, reason="gone", by="An")
    loan = proposals.approve(house.deps, lost.id, by="Bo")
    with house.deps.storage.unit_of_work() as uow:
        loan = receive_money(
            uow, house.deps, loan, Money(7, "CNY"), kind=RepaymentKind.PAYMENT, source_id="pay_late"
        )
        again = uow.loans.locked(loan.id)
        assert again is not None
        receive_money(
            uow, house.deps, again, Money(10**7, "CNY"), kind=RepaymentKind.PAYMENT, source_id="pay_too_much"
        )
        all_paid = uow.loans.locked(str(generous.loan_id))
        assert all_paid is not None
        receive_money(
            uow, house.deps, all_paid, all_paid.outstanding, kind=RepaymentKind.PAYMENT, source_id="pay_all"
        )
    return_money_of_loan(house.deps, loan.id, by="An")
    house.work()
    assert house.breaches() == []
    engine.close()
    yield path


def broken_laws(path: Path) -> set[str]:
    engine = open_engine(f"sqlite:///{path}")
    try:
        with engine.reading() as connection:
            return {breach.law for breach in breaches(connection)}
    finally:
        engine.close()


def by_hand(path: Path, statement: str) -> int:
    """Write past every guard of the schema: triggers, checks and keys."""
    with sqlite3.connect(path) as insider:
        insider.execute("PRAGMA foreign_keys = OFF")
        insider.execute("PRAGMA ignore_check_constraints = ON")
        for (name,) in insider.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            insider.execute(f"DROP TRIGGER {name}")
        changed = insider.execute(statement).rowcount
    insider.close()
    return changed


@pytest.mark.parametrize(
    ("law", "statement"), [(law, statement) for law, statements in BREAKS.items() for statement in statements]
)
def test_a_law_names_what_breaks_it(lived_in: Path, tmp_path: Path, law: str, statement: str) -> None:
    path = tmp_path / "broken.sqlite"
    shutil.copyfile(lived_in, path)
    assert by_hand(path, statement) > 0, "the statement changed nothing"
    assert any(broken.startswith(law) for broken in broken_laws(path))


def test_every_law_is_proved_to_be_able_to_fail() -> None:
    proved = (*BREAKS, *PROVED_ELSEWHERE)
    assert [law for law, _ in LAWS if not law.startswith(proved)] == []
    assert [law for law in BREAKS if not any(name.startswith(law) for name, _ in LAWS)] == []


@pytest.mark.parametrize("table", ["postings", "journal_entries", "audit"])
def test_what_is_booked_or_logged_is_never_changed_or_deleted(installation: Installation, table: str) -> None:
    installation.sell(plan="p3")
    column = {"postings": "amount_minor", "journal_entries": "kind", "audit": "action"}[table]
    for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
        with pytest.raises(Exception, match="never changed"), installation.engine.transaction() as connection:
            connection.execute(statement)
