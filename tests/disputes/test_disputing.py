"""A dispute pauses its loan, waits for the merchant, is decided by somebody else, and a loss is refunded once."""

from datetime import date

import pytest
from fenqi.finance.money import Money

from merchant_server.domain.deduction import DeductionStatus
from merchant_server.domain.dispute import DisputeReason, DisputeStatus
from merchant_server.domain.errors import Forbidden, NotFound, RuleRefused, TransitionNotAllowed
from merchant_server.domain.loan import LoanStatus, SuspensionReason
from merchant_server.domain.relief_proposal import ReliefKind
from merchant_server.services.collection import proposals
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.collection.deductions import age, request_due
from merchant_server.services.disputes.closing import close_unanswered, decide, withdraw
from merchant_server.services.disputes.finding import case, find_dispute, list_disputes, queue
from merchant_server.services.disputes.opening import open_by_consumer, open_by_operator
from merchant_server.services.person.copy import copy_of_data
from merchant_server.services.publishing import move_loan
from tests.disputes.disputing import (
    REVIEWER,
    RULING,
    challenged,
    contest,
    give_evidence,
    give_in,
    loan,
    now,
    open_one,
    with_reviewer,
)
from tests.installation import ID_NUMBER, Installation
from tests.refunds.test_refunding import refund
from tests.services.collecting import ask_without_finding, cash, deductions_of, loan_of, rows_of

S = DisputeStatus


def events_since(house: Installation, first: str) -> list[str]:
    types = [row["type"] for row in house.rows("SELECT type FROM events ORDER BY sequence")]
    return types[types.index(first) :]


def test_an_open_dispute_pauses_deductions_and_nothing_turns_overdue_meanwhile(
    installation: Installation,
) -> None:
    sold = installation.sell(plan="p3")
    dispute = open_one(installation, sold)
    assert (dispute.status, dispute.amount.minor) == (S.OPEN, 399_900)
    assert dispute.answer_due_on == date(2026, 12, 1)
    assert loan(installation, dispute).collection_paused_reason == "dispute"
    give_evidence(installation, dispute.id)
    installation.advance(months=2)
    installation.work()
    assert deductions_of(installation, sold) == []
    assert rows_of(installation, sold) == ["scheduled"] * 3
    assert loan(installation, dispute).status == LoanStatus.ACTIVE


def test_a_row_that_was_to_be_tried_again_rests_too(installation: Installation) -> None:
    sold = installation.sell(plan="p3", account="0002")
    installation.advance(months=1)
    installation.work()
    assert rows_of(installation, sold)[0] in ("due", "overdue")
    before = len(deductions_of(installation, sold)), rows_of(installation, sold)
    open_one(installation, sold)
    installation.advance(days=5)
    request_due(installation.deps, installation.caller.merchant_id)
    with installation.deps.storage.reading() as uow:
        merchant = uow.merchants.get(installation.caller.merchant_id)
    assert merchant is not None
    age(installation.deps, merchant)
    assert (len(deductions_of(installation, sold)), rows_of(installation, sold)) == before


def test_no_answer_in_ten_days_is_lost_and_refunded_and_not_a_day_before(installation: Installation) -> None:
    sold = installation.sell(plan="p6")
    dispute = open_one(installation, sold)
    installation.advance(days=10)
    assert close_unanswered(installation.deps) == 0
    installation.advance(days=1)
    assert (close_unanswered(installation.deps), close_unanswered(installation.deps)) == (1, 0)
    lost = now(installation, dispute)
    assert (lost.status, lost.decided_by) == (S.LOST, None)
    with installation.deps.storage.reading() as uow:
        (refunded,) = uow.refunds.of_loan(dispute.loan_id)
    assert (refunded.id, refunded.amount, refunded.reference) == (lost.refund_id, lost.amount, dispute.id)
    ended = loan(installation, dispute)
    # Nothing stays owed, not even the interest of eleven days.
    assert (ended.relieved_principal, ended.outstanding.minor) == (ended.principal, 0)
    assert (ended.status, ended.relieved_interest) == (LoanStatus.REFUNDED, ended.interest)
    assert ended.collection_paused_reason is None
    assert events_since(installation, "dispute.opened") == [
        "dispute.opened",
        "loan.collection_paused",
        "loan.collection_resumed",
        "refund.pending",
        "loan.schedule_changed",
        "loan.refunded",
        "checkout.closed",
        "refund.succeeded",
        "dispute.closed",
    ]


def test_evidence_without_a_challenge_goes_to_a_decision_when_the_time_is_over(
    installation: Installation,
) -> None:
    dispute = open_one(installation, installation.sell(plan="p6"))
    give_evidence(installation, dispute.id)
    installation.advance(days=11)
    assert close_unanswered(installation.deps) == 1
    assert now(installation, dispute).status == S.CHALLENGED
    assert close_unanswered(installation.deps) == 0


def test_accepting_refunds_at_once_and_once(installation: Installation) -> None:
    sold = installation.sell(plan="p6")
    dispute = open_one(installation, sold, 100_000)
    done = give_in(installation, dispute.id)
    assert give_in(installation, dispute.id) == done
    assert (done.status, loan_of(installation, sold).relieved_principal.minor) == (S.ACCEPTED, 100_000)
    assert loan(installation, dispute).collection_paused_reason is None
    with pytest.raises(TransitionNotAllowed):
        give_evidence(installation, dispute.id)


def test_what_was_refunded_while_it_was_open_counts_for_it(installation: Installation) -> None:
    sold = installation.sell(plan="p6")
    refund(installation, sold, 50_000)
    dispute = open_one(installation, sold, 100_000)
    refund(installation, sold, 30_000)
    done = give_in(installation, dispute.id)
    with installation.deps.storage.reading() as uow:
        amounts = [each.amount.minor for each in uow.refunds.of_loan(dispute.loan_id)]
    assert amounts == [50_000, 30_000, 70_000]
    again = open_one(installation, sold, 20_000)
    refund(installation, sold, 249_900)
    nothing_left = give_in(installation, again.id)
    assert done.refund_id and nothing_left.refund_id is None


def test_a_won_dispute_refunds_nothing_and_collection_catches_up(installation: Installation) -> None:
    with_reviewer(installation)
    sold = installation.sell(plan="p3")
    dispute = challenged(installation, sold)
    installation.advance(months=1)
    installation.work()
    assert cash(installation) == 0
    won = decide(installation.deps, dispute.id, S.WON, reviewer=REVIEWER, reason=RULING)
    assert (won.status, won.refund_id, won.decided_by) == (S.WON, None, REVIEWER)
    installation.work()
    assert rows_of(installation, sold) == ["paid", "scheduled", "scheduled"]
    with pytest.raises(RuleRefused) as refused:
        open_one(installation, sold)
    assert refused.value.code == "dispute_decided"


def test_a_lost_dispute_gives_back_what_was_paid(installation: Installation) -> None:
    with_reviewer(installation)
    sold = installation.sell(plan="p3")
    installation.advance(months=1)
    installation.work()
    paid = cash(installation)
    dispute = challenged(installation, sold)
    decide(installation.deps, dispute.id, S.LOST, reviewer=REVIEWER, reason=RULING)
    installation.work()
    assert paid > 0 and cash(installation) == 0
    ended = loan(installation, dispute)
    assert (ended.status, ended.outstanding.minor) == (LoanStatus.REPAID, 0)


def test_a_lost_dispute_gives_back_what_the_purchase_had_cost(installation: Installation) -> None:
    with_reviewer(installation)
    sold = installation.sell(plan="p12")
    installation.advance(months=2)
    installation.work()
    paid, had_paid = loan_of(installation, sold).paid, cash(installation)
    dispute = challenged(installation, sold)
    decide(installation.deps, dispute.id, S.LOST, reviewer=REVIEWER, reason=RULING)
    installation.work()
    with installation.deps.storage.reading() as uow:
        (refunded,) = uow.refunds.of_loan(dispute.loan_id)
    ended = loan(installation, dispute)
    assert (refunded.to_consumer, paid.minor, cash(installation)) == (paid, had_paid, 0)
    assert ended.outstanding.minor == 0


def test_half_of_a_purchase_lost_gives_back_half_of_what_it_cost(installation: Installation) -> None:
    sold = installation.sell(plan="p12")
    installation.advance(months=2)
    installation.work()
    before = loan_of(installation, sold)
    with installation.deps.storage.reading() as uow:
        paid = sum(row.interest_paid.minor for row in uow.loans.installments(before.id))
    give_in(installation, open_one(installation, sold, 199_950).id)
    after = loan_of(installation, sold)
    with installation.deps.storage.reading() as uow:
        (refunded,) = uow.refunds.of_loan(before.id)
    assert refunded.to_consumer.minor == paid // 2
    assert after.outstanding == before.outstanding - Money(199_950, "CNY") - refunded.interest_given_back
    assert refunded.interest_given_back.minor > 0


def test_a_dispute_lost_after_a_write_off_makes_the_loss_good_first(installation: Installation) -> None:
    sold = installation.sell(plan="p3", account="0002")
    installation.advance(months=2)
    installation.work()
    loan_id = str(sold.loan_id)
    wish = proposals.propose(installation.deps, loan_id, ReliefKind.WRITE_OFF, {}, reason="gone", by="An")
    proposals.approve(installation.deps, wish.id, by="Bo")
    lost = loan_of(installation, sold).relieved_principal
    done = give_in(installation, open_one(installation, sold).id)
    with installation.deps.storage.reading() as uow:
        (refunded,) = uow.refunds.of_loan(loan_id)
        recovered = uow.ledger.balance("income:recovery", "CNY")
    assert done.refund_id == refunded.id
    assert (-recovered.minor, refunded.to_consumer.minor) == (lost.minor, 399_900 - lost.minor)


def test_a_consumer_takes_a_dispute_back_and_collection_catches_up(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    dispute = challenged(installation, sold)
    installation.advance(months=1)
    installation.work()
    assert deductions_of(installation, sold) == []
    taken = withdraw(installation.deps, dispute.consumer_id, dispute.loan_id)
    assert (taken.status, taken.refund_id, taken.is_live) == (S.WITHDRAWN, None, False)
    installation.work()
    assert rows_of(installation, sold) == ["paid", "scheduled", "scheduled"]
    assert open_one(installation, sold).status == S.OPEN
    withdraw(installation.deps, dispute.consumer_id, dispute.loan_id)
    with pytest.raises(RuleRefused) as refused:
        withdraw(installation.deps, dispute.consumer_id, dispute.loan_id)
    assert refused.value.code == "no_dispute"
    with pytest.raises(NotFound):
        withdraw(installation.deps, "con_other", dispute.loan_id)
    with pytest.raises(TransitionNotAllowed):
        give_in(installation, taken.id)


def test_a_pause_for_another_reason_outlives_the_dispute(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    dispute = open_one(installation, sold)
    with installation.deps.storage.unit_of_work() as uow:
        held = uow.loans.locked(dispute.loan_id)
        assert held is not None
        rows = uow.loans.installments(held.id)
        move_loan(uow, installation.deps, held.suspended(SuspensionReason.HARDSHIP), held, rows, "")
    assert loan(installation, dispute).collection_paused_reason == "dispute"
    withdraw(installation.deps, dispute.consumer_id, dispute.loan_id)
    assert loan(installation, dispute).collection_paused_reason == "hardship"
    installation.advance(months=1)
    installation.work()
    assert deductions_of(installation, sold) == []


def test_only_a_challenged_dispute_is_decided_and_never_by_who_is_in_it(installation: Installation) -> None:
    with_reviewer(installation)
    with_reviewer(installation, "Wang Xiaoming", ID_NUMBER)
    sold = installation.sell(plan="p3")
    dispute = open_one(installation, sold)
    with pytest.raises(TransitionNotAllowed):
        decide(installation.deps, dispute.id, S.LOST, reviewer=REVIEWER, reason=RULING)
    give_evidence(installation, dispute.id)
    contest(installation, dispute.id)
    for name, code in (("Wang Xiaoming", "dispute_own_case"), ("Nobody", "reviewer_unknown")):
        with pytest.raises(Forbidden) as refused:
            decide(installation.deps, dispute.id, S.WON, reviewer=name, reason=RULING)
        assert refused.value.code == code
        with pytest.raises(Forbidden):
            case(installation.deps, dispute.id, name)
    for outcome, reason, code in (
        (S.WON, "short", "ruling_invalid"),
        (S.ACCEPTED, RULING, "outcome_unknown"),
    ):
        with pytest.raises(RuleRefused) as invalid:
            decide(installation.deps, dispute.id, outcome, reviewer=REVIEWER, reason=reason)
        assert invalid.value.code == code
    with pytest.raises(NotFound):
        decide(installation.deps, "dsp_none", S.WON, reviewer=REVIEWER, reason=RULING)
    assert now(installation, dispute).status == S.CHALLENGED


def test_an_operator_opens_one_and_another_decides_it(installation: Installation) -> None:
    with_reviewer(installation)
    with_reviewer(installation, "Zhao Min", "110101199003079251")
    sold = installation.sell(plan="p3")
    arguments = (str(sold.loan_id), DisputeReason.DAMAGED, "Told us by phone that it came broken.")
    with pytest.raises(Forbidden):
        open_by_operator(installation.deps, "Nobody", *arguments)
    dispute = open_by_operator(installation.deps, REVIEWER, *arguments)
    assert [each.id for each in queue(installation.deps)] == [dispute.id]
    give_evidence(installation, dispute.id)
    contest(installation, dispute.id)
    with pytest.raises(Forbidden):
        decide(installation.deps, dispute.id, S.WON, reviewer=REVIEWER, reason=RULING)
    assert decide(installation.deps, dispute.id, S.LOST, reviewer="Zhao Min", reason=RULING).refund_id


def test_a_deduction_in_flight_holds_the_end_up_and_not_for_ever(installation: Installation) -> None:
    sold = installation.sell(plan="p3", account="0005")
    installation.advance(months=1)
    deduction = ask_without_finding(installation)
    dispute = open_one(installation, sold)
    with pytest.raises(RuleRefused) as refused:
        give_in(installation, dispute.id)
    assert refused.value.code == "deduction_in_flight"
    installation.advance(days=11)
    assert close_unanswered(installation.deps) == 0
    for body, headers in installation.bank.callbacks(deduction.id, installation.clock.now()):
        receive(installation.deps, body, headers)
    if deductions_of(installation, sold)[0].status == DeductionStatus.SUCCEEDED:
        assert close_unanswered(installation.deps) == 1


def test_what_cannot_be_disputed_is_refused_by_name(installation: Installation) -> None:
    sold = installation.sell(plan="p3")
    whole = loan_of(installation, sold)
    refused = {
        "statement_empty": lambda: open_one(installation, sold, text=" \n "),
        "statement_too_long": lambda: open_one(installation, sold, text="长" * 2_001),
        "statement_unreadable": lambda: open_one(installation, sold, text="a\u202eb"),
        "dispute_amount_invalid": lambda: open_one(installation, sold, 399_901),
    }
    for code, attempt in refused.items():
        with pytest.raises(RuleRefused) as caught:
            attempt()
        assert caught.value.code == code
    with pytest.raises(NotFound):
        open_by_consumer(installation.deps, "con_other", whole.id, DisputeReason.OTHER, "Not mine.")
    with pytest.raises(RuleRefused) as uncaptured:
        open_one(installation, installation.sell(plan="p3", capture="manual", reference="order-2"))
    assert uncaptured.value.code == "nothing_to_dispute"
    dispute = open_one(installation, sold)
    with pytest.raises(RuleRefused) as twice:
        open_one(installation, sold)
    assert twice.value.code == "dispute_open"
    with pytest.raises(RuleRefused) as bare:
        contest(installation, dispute.id)
    assert bare.value.code == "evidence_missing"
    for _ in range(10):
        give_evidence(installation, dispute.id)
    with pytest.raises(RuleRefused) as many:
        give_evidence(installation, dispute.id)
    assert many.value.code == "evidence_too_many"


def test_another_merchants_dispute_is_not_found(installation: Installation) -> None:
    dispute = open_one(installation, installation.sell(plan="p3"))
    other = installation.another_merchant()
    for attempt in (give_in, contest, give_evidence):
        with pytest.raises(NotFound):
            attempt(other, dispute.id)
    with pytest.raises(NotFound):
        find_dispute(other.deps, other.caller, dispute.id)
    assert list_disputes(other.deps, other.caller, None, 10, None, None) == []
    mine = list_disputes(installation.deps, installation.caller, None, 10, dispute.loan_id, "open")
    assert [each.id for each in mine] == [dispute.id]


def test_what_people_wrote_is_sealed_shown_to_both_sides_and_part_of_the_persons_copy(
    installation: Installation,
) -> None:
    with_reviewer(installation)
    words = ("王小明 was not at home", "Signed by 王小明 himself", "The signature is not 王小明's own.")
    sold = installation.sell(plan="p3")
    dispute = open_one(installation, sold, text=words[0])
    give_evidence(installation, dispute.id, words[1])
    contest(installation, dispute.id)
    decide(installation.deps, dispute.id, S.LOST, reviewer=REVIEWER, reason=words[2])
    for table in ("disputes", "events", "audit", "transitions", "refunds"):
        stored = str(installation.rows(f"SELECT * FROM {table}"))
        assert not any(each in stored for each in words)
    _, written = find_dispute(installation.deps, installation.caller, dispute.id)
    assert written is not None and written.ruling is not None
    told = (written.statement.reveal(), written.evidence[0].text.reveal(), written.ruling.reveal())
    assert told == words
    (copied,) = copy_of_data(installation.deps, dispute.consumer_id)["disputes"]
    assert (copied["statement"], copied["ruling"]) == (words[0], words[2])
