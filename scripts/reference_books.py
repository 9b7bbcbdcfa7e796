"""The worked example of docs/reference/ledger.md: one loan, booked by the very functions that book real ones."""

from dataclasses import replace
from datetime import UTC, date, datetime

from fenqi import Money, Plan, quote
from fenqi.finance.refund import RefundEffect

from merchant_server.domain.installment import Installment
from merchant_server.domain.ledger import (
    CREDIT_LOSS,
    INTEREST_DEFERRED,
    INTEREST_EARNED,
    Posting,
    capture_postings,
    held,
    money_back_postings,
    moves,
    payable,
    recovery_postings,
    refund_postings,
    relief_postings,
    repayment_postings,
    reversal_of,
    signing_postings,
)
from merchant_server.domain.loan import Loan, LoanStatus
from merchant_server.domain.repayment import Repayment, RepaymentKind
from merchant_server.domain.schedule_change import Relief

FEE_BPS = 60


def ledger() -> str:
    """Return one table of postings for each event, and the balances after all of them."""
    loan, first = _example()
    fee = Money(loan.principal.minor * FEE_BPS // 10_000, "CNY")
    arrived = Repayment(
        "ded_…", loan.merchant_id, loan.id, RepaymentKind.DEDUCTION, first.total, Money(0, "CNY"), (first.due(),),
        loan.created_at,
    )  # fmt: skip
    paid = repayment_postings(arrived, loan)
    twice = replace(arrived, excess=first.total, portions=())
    sections = (
        ("Signing", "signing", signing_postings(loan)),
        (
            "Capture, with a merchant fee of 60 basis points",
            "capture",
            capture_postings("mer_…", loan.principal, fee),
        ),
        ("Repayment of the first installment", "repayment", paid),
        ("The bank takes that repayment back", "reversal", reversal_of(paid)),
        (
            "Money for an installment that was already paid",
            "repayment",
            repayment_postings(twice, loan),
        ),
    )
    written = [
        f"### {title}\n\nEntry kind `{kind}`.\n\n{_postings(moved)}" for title, kind, moved in sections
    ]
    booked = [posting for _, _, moved in sections[:3] for posting in moved]
    return "\n\n".join(
        [*written, "### Balances after signing, capture and one repayment\n\n" + _balances(booked)]
    )


def _given_back(principal: int, interest: int) -> RefundEffect:
    none = _yuan(0)
    return RefundEffect(_yuan(principal), (), (), (), none, none, none, _yuan(interest), none, none)


def changes() -> str:
    """Return one table of postings for each change of what a loan owes, refunds, recoveries and the daily close."""
    loan, _ = _example()
    merchant = loan.merchant_id
    kept = Repayment(
        "pay_…", merchant, loan.id, RepaymentKind.RECOVERY, _yuan(5_000), _yuan(0), (), loan.created_at
    )
    sections = (
        ("The unused rest of a sale is called off", "void",
         relief_postings(loan.id, _relief(principal=100_000, interest=6_619), held(merchant))),
        ("A refund: what is owed no more", "refund",
         relief_postings(loan.id, _relief(principal=100_000, interest=6_619), payable(merchant))),
        ("A refund: what was paid already goes back", "refund_money",
         refund_postings(loan, _given_back(principal=27_533, interest=3_999), _yuan(600))),
        ("A refund's money left the bank", "money_back", money_back_postings("con_…", _yuan(31_532))),
        ("A day late: a penalty is charged", "penalty",
         relief_postings(loan.id, _relief(penalty=-17), CREDIT_LOSS)),
        ("An early settlement spares interest and costs its charge", "early_settlement",
         relief_postings(loan.id, _relief(interest=19_000, fee=-2_000), CREDIT_LOSS)),
        ("An amount paid ahead spares interest", "prepayment",
         relief_postings(loan.id, _relief(interest=5_120), CREDIT_LOSS)),
        ("A waiver", "waiver", relief_postings(loan.id, _relief(interest=1_000, penalty=17), CREDIT_LOSS)),
        ("A hardship plan gives interest to come back", "hardship",
         relief_postings(loan.id, _relief(interest=19_000), CREDIT_LOSS)),
        ("The rest is written off", "write_off",
         relief_postings(loan.id, _relief(principal=368_368, interest=22_469), CREDIT_LOSS)),
        ("Money for a loan that was written off", "repayment", recovery_postings(kept, loan)),
        ("The bank takes an early settlement back: what it spared is owed again", "schedule_restored",
         relief_postings(loan.id, _relief(interest=-19_000, fee=2_000), CREDIT_LOSS)),
        ("A day is closed: interest that the days have earned", "accrual",
         moves((INTEREST_EARNED, INTEREST_DEFERRED, _yuan(131)))),
    )  # fmt: skip
    return "\n\n".join(
        f"### {title}\n\nEntry kind `{kind}`.\n\n{_postings(moved)}" for title, kind, moved in sections
    )


def _yuan(minor: int) -> Money:
    return Money(minor, "CNY")


def _relief(principal: int = 0, interest: int = 0, fee: int = 0, penalty: int = 0) -> Relief:
    return Relief(_yuan(principal), _yuan(interest), _yuan(fee), _yuan(penalty))


def _postings(moved: tuple[Posting, ...]) -> str:
    rows = [f"| `{each.source}` | `{each.target}` | {each.amount.decimal_text} |" for each in moved]
    return "\n".join(["| from | to | CNY |", "|---|---|---:|", *rows])


def _balances(booked: list[Posting]) -> str:
    balance: dict[str, int] = {}
    for each in booked:
        balance[each.source] = balance.get(each.source, 0) - each.amount.minor
        balance[each.target] = balance.get(each.target, 0) + each.amount.minor
    rows = [f"| `{name}` | {Money(minor, 'CNY').decimal_text} |" for name, minor in sorted(balance.items())]
    total = Money(sum(balance.values()), "CNY").decimal_text
    return "\n".join(["| account | CNY |", "|---|---:|", *rows, f"| sum | {total} |"])


def _example() -> tuple[Loan, Installment]:
    plan = Plan(id="p12", installments=12, annual_rate="0.12")
    (offer,) = quote(Money.parse("3999.00", "CNY"), [plan], on=date(2026, 11, 21))
    schedule, nothing = offer.schedule, Money(0, "CNY")
    row = schedule.installments[0]
    loan = Loan(
        id="loan_…", merchant_id="mer_…", mode="test", checkout_id="chk_…", agreement_id="agr_…",
        consumer_id="con_…", mandate_id="mnd_…", plan_id="p12", reference="order-1001",
        status=LoanStatus.ACTIVE, version=1, principal=schedule.principal, interest=schedule.total_interest,
        fee=schedule.total_fee, paid=nothing, penalty=nothing, penalty_paid=nothing, relieved_principal=nothing,
        relieved_interest=nothing, relieved_fee=nothing, signed_on=schedule.on,
        created_at=datetime(2026, 11, 21, tzinfo=UTC),
    )  # fmt: skip
    parts = {"principal": row.principal, "interest": row.interest, "fee": row.fee}
    return loan, Installment.scheduled(loan.id, 1, row.due_on, **parts)
