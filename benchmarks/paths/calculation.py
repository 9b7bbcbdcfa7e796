"""What is computed without a database: schedules, offers, QR codes, and the credit policy."""

import io
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import segno
import zen
from fenqi import qr
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan
from fenqi.finance.schedule import build_schedule
from fenqi.offers import Offer, quote

from benchmarks.floors import arithmetic
from benchmarks.measuring import Figure, Goal, Scale, alone
from merchant_server.domain.decision import Features
from merchant_server.providers.credit_policy import ZenCreditPolicy

ON = date(2026, 11, 21)
PRINCIPAL = 399_900
RATES = {3: "0.06", 6: "0.09", 9: "0.12", 12: "0.12", 24: "0.15"}
PLANS = [Plan(id=f"p{count}", installments=count, annual_rate=rate) for count, rate in RATES.items()]
LINK = (
    "https://pay.example-shop.cn/p/8mC2vXhQ0pLz4RkT9wBdYg?till=til_01jd8k2v4t9w6x3y5z7a8b9c0d&lang=zh-CN&v=1"
)
POLICY = Path(str(files("merchant_server") / "policy" / "cn-standard.json"))
APPLICANT: dict[str, Any] = {
    "currency": "CNY", "amount_minor": PRINCIPAL, "age_years": 30, "identity": "match", "bureau_status": "found",
    "bureau_score": 720, "bureau_debts_minor": 120_000, "bureau_worst_overdue_days": 0, "bureau_inquiries_30d": 1,
    "own_open_loans": 1, "own_outstanding_minor": 90_000, "own_worst_overdue_days": 0, "own_refusals_30d": 0,
    "merchant_category": "electronics", "decided_on": ON,
}  # fmt: skip


def figures(scale: Scale) -> Iterator[Figure]:
    """Measure each path; the answers of both sides are compared before their times are."""
    yield _schedule(scale)
    yield from _offers(scale)
    yield from _codes(scale)
    yield _policy(scale)


def _schedule(scale: Scale) -> Figure:
    rate, plan, count = Decimal("0.12").as_integer_ratio(), PLANS[3], 4000

    def ours(number: int) -> object:
        return build_schedule(plan, Money(PRINCIPAL + number, "CNY"), ON).installments

    def bare(number: int) -> object:
        return arithmetic.rows(PRINCIPAL + number, rate, 12)

    for number in range(count):
        made = build_schedule(plan, Money(PRINCIPAL + number, "CNY"), ON).installments
        assert [(row.principal_minor, row.interest_minor) for row in made] == bare(number)
    floor = "a loop over bare integers that makes the same cents from the same terms"
    return alone("schedule of 12 rows", floor, Goal("at most", 3), scale, ours, bare, count=count, batch=50)


def _table(offers: tuple[Offer, ...]) -> object:
    return [(offer.schedule.installments, offer.total_payable, offer.annual_cost) for offer in offers]


def _offers(scale: Scale) -> Iterator[Figure]:
    rates = {count: Decimal(rate).as_integer_ratio() for count, rate in RATES.items()}

    def ours(number: int) -> object:
        return _table(quote(Money(PRINCIPAL + number, "CNY"), PLANS, ON))

    def bare(number: int) -> object:
        return [arithmetic.rows(PRINCIPAL + number, rate, count) for count, rate in rates.items()]

    def careful(number: int) -> list[tuple[list[arithmetic.DecimalRow], int, float]]:
        return [
            arithmetic.decimal_offer(PRINCIPAL + number, rate, count, ON) for count, rate in RATES.items()
        ]

    for offer, (made, total, rate) in zip(quote(Money(PRINCIPAL, "CNY"), PLANS, ON), careful(0), strict=True):
        assert [
            (row.due_on, row.principal_minor, row.interest_minor) for row in offer.schedule.installments
        ] == made
        assert offer.total_payable.minor == total and abs(offer.annual_cost - Decimal(rate)) < Decimal("1e-9")
    floor = "54 rows of bare integers, without dates, totals and yearly rates"
    yield alone("five-plan table", floor, Goal("at most", 4), scale, ours, bare, count=1000, batch=10)
    floor = "Decimal rows with dates, yearly rates by pyxirr"
    goal = Goal("at least", 2)
    yield alone("five-plan table, careful", floor, goal, scale, ours, careful, count=1000, batch=10)


def _link(number: int) -> str:
    return f"{LINK}{number % 10}"


def _segno(number: int, kind: str) -> bytes:
    file = io.BytesIO()
    # The level that ours takes for this length: segno raises it in the same way.
    segno.make_qr(_link(number), error="m").save(file, kind=kind, scale=8, border=4)
    return file.getvalue()


def _codes(scale: Scale) -> Iterator[Figure]:
    assert segno.make_qr(_link(0), error="m").designator == "{0.version}-{0.level}".format(
        qr.encode(_link(0))
    )
    floor, goal = "segno's SVG, same text, level and scale", Goal("at least", 4)
    ours = (lambda number: qr.svg(_link(number))), (lambda number: qr.png(_link(number)))
    yield alone("qr.svg", floor, goal, scale, ours[0], lambda number: _segno(number, "svg"), count=30)
    floor = "segno's PNG, same text, level and scale"
    yield alone("qr.png", floor, goal, scale, ours[1], lambda number: _segno(number, "png"), count=30)


def _policy(scale: Scale) -> Figure:
    policy, features = ZenCreditPolicy(POLICY), Features(**APPLICANT)
    vector = features.to_dict()
    decision = zen.ZenEngine().create_decision(POLICY.read_text(encoding="utf-8"))
    assert decision.evaluate(vector)["result"]["outcome"] == policy.decide(features).outcome.value
    return alone(
        "policy.decide",
        "a bare zen-engine call on the same vector, without trace and checks",
        Goal("at most", 5),
        scale,
        lambda _: policy.decide(features),
        lambda _: decision.evaluate(vector),
        count=500,
    ).saying("p99 {}, wanted at most 2 ms", 0.99)
