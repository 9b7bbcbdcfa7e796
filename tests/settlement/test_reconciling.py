"""The bank's file against our requests and the books: every difference is found, and nothing is applied twice."""

import hashlib
from datetime import UTC, datetime

import pytest
from fenqi.finance.money import Money
from hypothesis import given
from hypothesis import strategies as st

from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.reconciliation import read_bank_file
from merchant_server.domain.refund import Strategy
from merchant_server.services.collection.deductions import ask_bank, request_due
from merchant_server.services.refunds.committing import refund_at_once
from merchant_server.services.settlement.money_returns import return_own_money
from merchant_server.services.settlement.payouts import pay_out_due
from merchant_server.services.settlement.reconciling import Reconciliation, reconcile
from merchant_server.services.settlement.terms import add_lender
from merchant_server.services.settlement.transfers import ask_about_transfers
from tests.installation import Installation
from tests.services.collecting import cash, deductions_of, loan_of, rows_of, tell
from tests.settlement.test_money_returns import overpaid
from tests.settlement.test_payouts import agree, days

ACCOUNT = "fake_gateway_1"
AT = "2026-11-21T08:00:00+00:00"


def a_file(*lines: str, day: str = "2026-11-21", account: str = ACCOUNT, trailer: str | None = None) -> bytes:
    cells = [line.split(",") for line in lines]
    came_in = sum(int(each[3]) for each in cells if each[1] in ("deduction", "drawing"))
    went_out = sum(int(each[3]) for each in cells if each[1] not in ("deduction", "drawing"))
    last = f"T,{len(lines)},{came_in},{went_out}" if trailer is None else trailer
    return "".join(f"{each}\n" for each in (f"H,1,{account},{day}", *lines, last) if each).encode()


def line(kind: str, reference: str, minor: int, currency: str = "CNY") -> str:
    return f"D,{kind},{reference},{minor},{currency},{AT}"


def found(made: Reconciliation) -> list[tuple[str, int | None, bool]]:
    return [(each.code, each.line, each.explained) for each in made.differences]


class TestReading:
    """Good lines are used whatever the others are."""

    def test_a_file_is_read_with_its_lines(self) -> None:
        file = read_bank_file(a_file(line("deduction", "ded_1", 100), line("payout", "pyt_1", 40)))
        assert file.bad_lines == ()
        assert [(each.kind, each.reference, each.amount) for each in file.lines] == [
            ("deduction", "ded_1", Money(100, "CNY")),
            ("payout", "pyt_1", Money(40, "CNY")),
        ]

    @pytest.mark.parametrize(
        ("bad", "code"),
        [
            (b"D,deduction,ded_2,100", "line_truncated"),
            (b"D,deduction,ded_2,100,CNY,\xff\xfe", "line_not_utf8"),
            ("D,扣款,ded_2,100,CNY,x".encode("gbk"), "line_not_utf8"),
            (b"X,1,2", "line_unknown"),
            (b"", "line_unknown"),
            (f"D,gift,ded_2,100,CNY,{AT}".encode(), "kind_unknown"),
            (f"D,deduction,'; DROP,100,CNY,{AT}".encode(), "reference_invalid"),
            (f"D,deduction,ded_2,1.00,CNY,{AT}".encode(), "amount_invalid"),
            (f"D,deduction,ded_2,-100,CNY,{AT}".encode(), "amount_invalid"),
            (f"D,deduction,ded_2,0,CNY,{AT}".encode(), "amount_invalid"),
            (f"D,deduction,ded_2,{'9' * 16},CNY,{AT}".encode(), "amount_invalid"),
            (f"D,deduction,ded_2,100,XXX,{AT}".encode(), "currency_unknown"),
            (b"D,deduction,ded_2,100,CNY,yesterday", "instant_invalid"),
            (b"D,deduction,ded_2,100,CNY,2026-11-21T08:00:00", "instant_invalid"),
            (line("deduction", "ded_1", 100).encode(), "line_duplicate"),
        ],
    )
    def test_a_bad_line_is_named_by_its_number_and_spoils_no_other(self, bad: bytes, code: str) -> None:
        good = a_file(line("deduction", "ded_1", 100), line("deduction", "ded_9", 7)).splitlines()
        file = read_bank_file(b"\n".join([*good[:2], bad, *good[2:]]))
        assert [(each.number, each.code) for each in file.bad_lines] == [(3, code)]
        assert [each.reference for each in file.lines] == ["ded_1", "ded_9"]
        assert not any("DROP" in each.detail for each in file.bad_lines)

    @pytest.mark.parametrize("trailer", ["T,2,100,0", "T,1,99,0", "T,1,100,1", "T,1", "T,1,100,0,0"])
    def test_counts_and_sums_must_agree(self, trailer: str) -> None:
        file = read_bank_file(a_file(line("deduction", "ded_1", 100), trailer=trailer))
        assert {each.code for each in file.bad_lines} == {"trailer_differs"}

    def test_a_file_that_was_cut_off_says_so(self) -> None:
        whole = a_file(line("deduction", "ded_1", 100), line("deduction", "ded_2", 100))
        head = whole.index(b"\n") + 1
        for cut in range(head, len(whole) - 1):
            file = read_bank_file(whole[:cut])
            assert {each.code for each in file.bad_lines} & {"trailer_missing", "trailer_differs"}, whole[
                :cut
            ]
            assert all(each.amount == Money(100, "CNY") for each in file.lines)

    @pytest.mark.parametrize(
        "head", [b"", b"\xff\xfe", b"H,2,x,2026-11-21", b"H,1,x,soon", b"D,1,2,3", b"H,1,x"]
    )
    def test_a_file_without_a_header_is_refused(self, head: bytes) -> None:
        with pytest.raises(RuleRefused) as refusal:
            read_bank_file(head + b"\nT,0,0,0\n")
        assert refusal.value.code == "bank_file_invalid"

    @given(st.binary(max_size=400))
    def test_no_bytes_at_all_are_anything_but_read_or_refused(self, noise: bytes) -> None:
        try:
            file = read_bank_file(f"H,1,{ACCOUNT},2026-11-21\n".encode() + noise)
        except RuleRefused:
            return
        assert len(file.lines) + len(file.bad_lines) <= noise.count(b"\n") + 5


class TestComparing:
    """Three ways: what we asked for, what the bank says, what the books have."""

    def one_paid(self, house: Installation) -> tuple[str, int]:
        sold = house.sell(Money(120_000, "CNY"))
        house.advance(months=1)
        house.work()
        (deduction,) = [d for d in deductions_of(house, sold) if d.installment_number == 1]
        # The file tells of wall time, which went on while the worker worked.
        return deduction.id, deduction.amount.minor

    def test_what_agrees_is_no_difference_and_the_same_file_changes_nothing(
        self, installation: Installation
    ) -> None:
        reference, minor = self.one_paid(installation)
        raw = a_file(line("deduction", reference, minor))
        first = reconcile(installation.deps, raw)
        assert (first.differences, first.matched, first.read_before) == ((), 1, False)
        again = reconcile(installation.deps, raw, apply=True)
        assert (again.differences, again.applied, again.read_before) == ((), 0, True)
        assert again.digest == hashlib.sha256(raw).hexdigest()

    def test_every_kind_of_difference_is_listed(self, sqlite_installation: Installation) -> None:
        house = sqlite_installation
        reference, minor = self.one_paid(house)
        made = reconcile(
            house.deps,
            a_file(
                line("deduction", reference, minor + 1),
                line("deduction", "ded_nobody", 5),
                line("payout", reference, minor),
                line("reversal", reference, minor),
            ),
        )
        assert found(made)[:4] == [
            ("amount_differs", 2, False),
            ("reference_unknown", 3, False),
            ("reference_unknown", 4, False),
            ("missing_here", 5, False),
        ]
        other = reconcile(house.deps, a_file(line("deduction", reference, minor, "USD")))
        assert found(other)[0] == ("currency_differs", 2, False)

    def test_what_the_bank_does_not_have_is_missing_there(self, sqlite_installation: Installation) -> None:
        house = sqlite_installation
        reference, minor = self.one_paid(house)
        made = reconcile(house.deps, a_file())
        assert [(each.code, each.reference) for each in made.differences] == [("missing_there", reference)]
        assert len(made.unexplained) == 1
        # A later file that has it closes the case.
        reconcile(house.deps, a_file(line("deduction", reference, minor), day="2026-11-22"))
        assert reconcile(house.deps, a_file()).differences == ()

    def test_the_end_of_the_day_belongs_to_the_next_file(self, sqlite_installation: Installation) -> None:
        house = sqlite_installation
        house.clock.pass_(
            seconds=(datetime(2026, 11, 21, 22, 58, tzinfo=UTC) - house.clock.now()).total_seconds()
        )
        self.one_paid(house)
        made = reconcile(house.deps, a_file())
        assert [(each.code, each.explained) for each in made.differences] == [("late_there", True)]

    def test_a_success_that_never_reached_us_is_settled_the_normal_way(
        self, installation: Installation
    ) -> None:
        house = installation
        sold = house.sell(Money(120_000, "CNY"))
        house.advance(months=1)
        request_due(house.deps, house.caller.merchant_id)
        ask_bank(house.deps)
        (deduction,) = deductions_of(house, sold)
        raw = a_file(line("deduction", deduction.id, deduction.amount.minor))
        seen = reconcile(house.deps, raw)
        assert found(seen) == [("late_here", 2, True)]
        assert cash(house) == 0
        made = reconcile(house.deps, raw, apply=True)
        assert (made.applied, made.differences) == (1, ())
        assert cash(house) == deduction.amount.minor
        assert rows_of(house, sold)[0] == "paid"
        # The callback comes after all, and the file once more under other bytes.
        assert tell(house, deduction) == ["unchanged"]
        twin = reconcile(house.deps, raw.replace(b"\n", b"\r\n"), apply=True)
        assert (twin.applied, found(twin)) == (0, [("told_before", 2, True)])
        assert cash(house) == deduction.amount.minor

    def test_a_payout_and_a_reversal_are_settled_too(self, installation: Installation) -> None:
        house = installation
        agree(house, "sandbox_9006", payout_days=0)
        reference, minor = self.one_paid(house)
        (payout,) = house.rows("SELECT id, amount_minor, status FROM payouts")
        made = reconcile(
            house.deps,
            a_file(
                line("deduction", reference, minor),
                line("reversal", reference, minor),
                line("payout", payout["id"], payout["amount_minor"]),
            ),
            apply=True,
        )
        assert made.applied == 1
        assert made.differences == ()
        assert cash(house) == -payout["amount_minor"]

    def test_a_payout_that_the_bank_refused_and_paid_is_for_a_person(
        self, sqlite_installation: Installation
    ) -> None:
        house = sqlite_installation
        agree(house, "sandbox_9003", payout_days=0)
        house.sell(Money(120_000, "CNY"))
        days(house, 2)
        (payout,) = house.rows("SELECT id, amount_minor FROM payouts")
        made = reconcile(house.deps, a_file(line("payout", payout["id"], payout["amount_minor"])), apply=True)
        assert (found(made), made.applied) == ([("paid_after_failure", 2, False)], 0)

    def test_money_sent_back_and_drawn_is_matched_and_settled_like_any_other(
        self, installation: Installation
    ) -> None:
        house = installation
        sold = overpaid(house, "0051")
        lender = add_lender(house.deps, name="x", currency="CNY", interest_bps=10_000, account="sandbox_9002")
        agree(house, funder=f"lender:{lender.id}")
        house.sell(Money(50_000, "CNY"), plan="p3", reference="order-2")
        house.advance(days=4)
        pay_out_due(house.deps)
        ask_about_transfers(house.deps)
        (drawn,) = house.rows("SELECT id FROM transfers WHERE kind = 'lender_drawing'")
        (back,) = return_own_money(house.deps, loan_of(house, sold).consumer_id)
        ask_about_transfers(house.deps)
        raw = a_file(
            line("return", back.id, back.amount.minor),
            line("drawing", drawn["id"], 50_000),
            line("payout", drawn["id"], 50_000),
            line("deduction", back.id, 5),
        )
        seen = reconcile(house.deps, raw)
        assert found(seen)[:4] == [
            ("late_here", 2, True),
            ("late_here", 3, True),
            ("reference_unknown", 4, False),
            ("reference_unknown", 5, False),
        ]
        had = cash(house)
        good = a_file(line("return", back.id, back.amount.minor), line("drawing", drawn["id"], 50_000))
        made = reconcile(house.deps, good, apply=True)
        assert (made.applied, cash(house)) == (2, had - back.amount.minor + 50_000)
        assert not {each.reference for each in made.unexplained} & {back.id, drawn["id"]}
        again = reconcile(house.deps, good, apply=True)
        assert (again.applied, again.read_before) == (0, True)

    def test_a_refunds_money_is_matched_and_one_that_failed_is_for_a_person(
        self, sqlite_installation: Installation
    ) -> None:
        house = sqlite_installation
        reference, minor = self.one_paid(house)
        (sold,) = house.rows("SELECT loan_id FROM deductions")
        with house.deps.storage.unit_of_work() as uow:
            refund = refund_at_once(
                uow,
                house.deps,
                house.caller,
                sold["loan_id"],
                Money(120_000, "CNY"),
                Strategy.LAST_FIRST,
                "r",
            )
        sent = refund.to_consumer.minor
        raw = a_file(line("deduction", reference, minor), line("return", refund.id, sent))
        assert found(reconcile(house.deps, raw)) == [("late_here", 3, True)]
        assert reconcile(house.deps, raw, apply=True).differences == ()
        assert cash(house) == minor - sent
        # The books have it, and a file without it is asked about.
        missing = reconcile(house.deps, a_file(line("deduction", reference, minor)))
        assert missing.unexplained == (), "an earlier file told it"
        for mandate in house.bank._mandates.values():
            mandate.behaviour = "closed"
        other = house.sell(Money(60_000, "CNY"), plan="p3", reference="order-2")
        house.advance(months=1)
        for mandate in house.bank._mandates.values():
            mandate.behaviour = "pays"
        house.work()
        for mandate in house.bank._mandates.values():
            mandate.behaviour = "closed"
        with house.deps.storage.unit_of_work() as uow:
            failed = refund_at_once(
                uow,
                house.deps,
                house.caller,
                str(other.loan_id),
                Money(60_000, "CNY"),
                Strategy.LAST_FIRST,
                "r",
            )
        house.work()
        made = reconcile(house.deps, a_file(line("return", failed.id, failed.to_consumer.minor)), apply=True)
        assert ("paid_after_failure", 2, False) in found(made)
        assert made.applied == 0

    def test_what_we_learned_in_a_day_is_expected_in_files_up_to_that_day(
        self, sqlite_installation: Installation
    ) -> None:
        """A request of yesterday whose answer came today is no difference of yesterday's file."""
        house = sqlite_installation
        house.sell(Money(120_000, "CNY"))
        house.advance(months=1)
        request_due(house.deps, house.caller.merchant_id)
        house.bank.down = True
        ask_bank(house.deps)
        house.bank.down = False
        house.clock.pass_(days=1)
        house.work()
        assert cash(house) > 0
        assert reconcile(house.deps, a_file()).differences == ()
        today = reconcile(house.deps, a_file(day="2026-11-22"))
        assert [each.code for each in today.differences] == ["missing_there"]

    def test_another_gateways_file_is_refused(self, sqlite_installation: Installation) -> None:
        with pytest.raises(RuleRefused):
            reconcile(sqlite_installation.deps, a_file(account="somebody_else"))
