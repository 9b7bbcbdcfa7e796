"""Money that pays nothing goes back the way it came, once: when its owner asks, when an operator does, and in time."""

import pytest
from click.testing import CliRunner
from fenqi.finance.money import Money

from merchant_server.commands import loan as loan_command
from merchant_server.domain.checkout import Checkout
from merchant_server.domain.errors import NotFound, RuleRefused
from merchant_server.domain.transfer import TransferStatus
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.collection.deductions import ask_bank, request_due
from merchant_server.services.settlement.money_returns import return_money_of_loan, return_own_money
from merchant_server.services.settlement.transfer_callbacks import settle_by_reference
from merchant_server.services.settlement.transfers import ask_about_transfers
from tests.installation import Installation
from tests.services.collecting import cash, deductions_of, loan_of, tell

PRICE = Money(120_000, "CNY")


def kept(house: Installation, sold: Checkout) -> int:
    with house.deps.storage.reading() as uow:
        return uow.transfers.returnable(str(sold.loan_id)).minor


def transfers(house: Installation) -> list[tuple[str, int, str, str]]:
    rows = house.rows("SELECT status, amount_minor, code, ordered_by FROM transfers ORDER BY id")
    return [(row["status"], row["amount_minor"], row["code"], row["ordered_by"]) for row in rows]


def overpay(house: Installation, sold: Checkout) -> Money:
    """Let the next installment be paid twice: its deduction failed, was paid by hand, and then came after all."""
    from merchant_server.domain.deduction import DeductionPurpose
    from merchant_server.services.collection.paying import pay_now

    had = kept(house, sold)
    house.advance(months=1)
    request_due(house.deps, house.caller.merchant_id)
    ask_bank(house.deps)
    deduction = deductions_of(house, sold)[-1]
    house.bank._deductions[deduction.id].status = "failed"
    house.clock.pass_(seconds=30)
    ask_bank(house.deps)
    loan = loan_of(house, sold)
    made = pay_now(house.deps, loan.consumer_id, loan.id, deduction.amount, DeductionPurpose.PAYMENT)
    tell(house, made)
    house.bank._deductions[deduction.id].status = "succeeded"
    tell(house, deduction)
    assert kept(house, sold) == had + deduction.amount.minor
    return deduction.amount


def overpaid(house: Installation, account: str = "0001") -> Checkout:
    """Sell, and let one installment be paid twice."""
    sold = house.sell(PRICE, plan="p3", account="0001")
    overpay(house, sold)
    if account != "0001":
        behaviour = {"0005": "closed", "0051": "returns_late", "0052": "returns_busy"}[account]
        for mandate in house.bank._mandates.values():
            mandate.behaviour = behaviour
    return sold


class TestOrdering:
    """Whoever orders it, it is ordered once, and leaves the bank once."""

    def test_its_owner_gets_it_back_to_the_account_it_came_from(self, installation: Installation) -> None:
        sold = overpaid(installation)
        loan, had, mine = loan_of(installation, sold), cash(installation), kept(installation, sold)
        (made,) = return_own_money(installation.deps, loan.consumer_id)
        assert (kept(installation, sold), cash(installation)) == (0, had)
        with pytest.raises(RuleRefused) as refused:
            return_own_money(installation.deps, loan.consumer_id)
        assert refused.value.code == "nothing_to_return"
        assert ask_about_transfers(installation.deps) == 1
        assert transfers(installation) == [("succeeded", mine, "", "consumer")]
        assert cash(installation) == had - mine
        # The newest money that paid nothing came by the first mandate.
        assert installation.bank.returns == {made.id: (loan.mandate_id, made.amount)}

    def test_it_goes_back_by_itself_after_a_while(self, installation: Installation) -> None:
        sold = overpaid(installation)
        mine = kept(installation, sold)
        installation.advance(days=13)
        installation.work()
        assert transfers(installation) == []
        installation.advance(days=2)
        installation.work()
        assert transfers(installation) == [("succeeded", mine, "", "automatic")]
        installation.advance(days=2)
        installation.work()
        assert len(transfers(installation)) == 1

    def test_an_operator_sends_it_and_the_log_says_who(
        self, sqlite_installation: Installation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        house = sqlite_installation
        sold = overpaid(house)
        monkeypatch.setattr(loan_command, "installation", lambda: house)
        done = CliRunner().invoke(loan_command.loan, ["return-money", str(sold.loan_id), "--by", "An"])
        assert (done.exit_code, "is on its way" in done.output) == (0, True)
        told = house.rows("SELECT actor, action FROM audit WHERE action LIKE 'money_return.%'")
        assert told == [{"actor": "operator An", "action": "money_return.ordered"}]
        with pytest.raises(RuleRefused):
            return_money_of_loan(house.deps, str(sold.loan_id), by="An")
        with pytest.raises(NotFound):
            return_money_of_loan(house.deps, "loan_x", by="An")

    def test_what_comes_while_a_return_is_on_its_way_follows_it(self, installation: Installation) -> None:
        sold = overpaid(installation)
        consumer_id = loan_of(installation, sold).consumer_id
        (first,) = return_own_money(installation.deps, consumer_id)
        more = overpay(installation, sold)
        with pytest.raises(RuleRefused) as refused:
            return_own_money(installation.deps, consumer_id)
        with pytest.raises(RuleRefused) as told:
            return_money_of_loan(installation.deps, str(sold.loan_id), by="An")
        assert (refused.value.code, told.value.code) == ("nothing_to_return", "nothing_to_return")
        assert kept(installation, sold) == more.minor
        installation.clock.pass_(minutes=1)
        ask_about_transfers(installation.deps)
        (second,) = return_own_money(installation.deps, consumer_id)
        ask_about_transfers(installation.deps)
        assert [row[:2] for row in transfers(installation)] == [
            ("succeeded", first.amount.minor),
            ("succeeded", second.amount.minor),
        ]
        assert (second.amount, kept(installation, sold)) == (more, 0)

    def test_money_that_a_refund_is_sending_is_not_sent_twice(self, installation: Installation) -> None:
        from merchant_server.domain.refund import Strategy
        from merchant_server.services.refunds.committing import refund_at_once

        sold = overpaid(installation)
        mine = kept(installation, sold)
        with installation.deps.storage.unit_of_work() as uow:
            refund_at_once(
                uow,
                installation.deps,
                installation.caller,
                str(sold.loan_id),
                PRICE,
                Strategy.LAST_FIRST,
                "r",
            )
        assert kept(installation, sold) == mine
        return_own_money(installation.deps, loan_of(installation, sold).consumer_id)
        installation.work()
        assert cash(installation) == 0


class TestBankAnswers:
    """However the bank answers, the money is at one place."""

    def test_a_failed_return_is_kept_again_and_tried_on_another_day(self, installation: Installation) -> None:
        sold = overpaid(installation, "0052")
        mine = kept(installation, sold)
        consumer_id = loan_of(installation, sold).consumer_id
        return_own_money(installation.deps, consumer_id)
        ask_about_transfers(installation.deps)
        assert (transfers(installation)[0][0], kept(installation, sold)) == ("failed", mine)
        for mandate in installation.bank._mandates.values():
            mandate.behaviour = "pays"
        return_own_money(installation.deps, consumer_id)
        ask_about_transfers(installation.deps)
        assert [row[0] for row in transfers(installation)] == ["failed", "succeeded"]
        assert kept(installation, sold) == 0

    def test_a_closed_account_stops_tries_that_nobody_asked_for(
        self, sqlite_installation: Installation
    ) -> None:
        house = sqlite_installation
        sold = overpaid(house, "0005")
        house.advance(days=16)
        house.work()
        house.advance(days=16)
        house.work()
        assert [row[:1] + row[2:3] for row in transfers(house)] == [("failed", "account_closed")]
        with pytest.raises(RuleRefused) as refused:
            return_own_money(house.deps, loan_of(house, sold).consumer_id)
        assert refused.value.code == "return_refused"
        assert return_money_of_loan(house.deps, str(sold.loan_id), by="An").status == "pending"

    def test_a_crash_after_the_bank_acted_is_settled_by_asking(self, installation: Installation) -> None:
        sold = overpaid(installation)
        had, mine = cash(installation), kept(installation, sold)
        (made,) = return_own_money(installation.deps, loan_of(installation, sold).consumer_id)
        installation.bank.return_money(reference=made.id, came_by=made.channel, amount=made.amount)
        ask_about_transfers(installation.deps)
        assert (cash(installation), len(installation.bank.returns)) == (had - mine, 1)

    def test_a_bank_that_is_down_is_asked_again(self, sqlite_installation: Installation) -> None:
        house = sqlite_installation
        sold = overpaid(house)
        return_own_money(house.deps, loan_of(house, sold).consumer_id)
        house.bank.down = True
        assert ask_about_transfers(house.deps) == 1
        house.bank.down = False
        assert ask_about_transfers(house.deps) == 0
        house.clock.pass_(seconds=20)
        assert ask_about_transfers(house.deps) == 1
        assert transfers(house)[0][0] == "succeeded"


class TestCallbacks:
    """What the bank calls back is held against our own row first."""

    def test_a_return_is_settled_by_its_callback_once(self, installation: Installation) -> None:
        house = installation
        sold = overpaid(house, "0051")
        (made,) = return_own_money(house.deps, loan_of(house, sold).consumer_id)
        ask_about_transfers(house.deps)
        assert transfers(house)[0][0] == "pending"
        told = house.bank.callbacks(made.id, house.clock.now())
        assert [receive(house.deps, *each).outcome for each in told * 2] == ["applied", "duplicate"]
        assert transfers(house)[0][0] == "succeeded"
        with house.deps.storage.unit_of_work() as uow:
            assert settle_by_reference(uow, house.deps, made.id) is False

    @pytest.mark.parametrize(
        ("change", "difference"),
        [
            ({"amount": {"minor": 1, "currency": "CNY"}}, "amount"),
            ({"amount": {"minor": 40_000, "currency": "USD"}}, "currency"),
            ({"mandate_reference": "mnd_x"}, "mandate"),
            ({"mode": "live"}, "mode"),
            ({"gateway_account": "another"}, "gateway_account"),
            ({"reference": "trf_nobody"}, "reference"),
            ({"kind": "payout.succeeded"}, "kind"),
        ],
    )
    def test_a_genuine_callback_that_differs_is_set_aside(
        self, sqlite_installation: Installation, change: dict[str, object], difference: str
    ) -> None:
        house = sqlite_installation
        sold = overpaid(house)
        (made,) = return_own_money(house.deps, loan_of(house, sold).consumer_id)
        body = callback_of(house, made.id, made.channel, made.amount) | change
        verdict = receive(house.deps, *house.bank.signed(body, "bev_12345678", house.clock.now()))
        assert (verdict.outcome, difference in verdict.reason) == ("quarantined", True)
        assert transfers(house)[0][0] == "pending"

    def test_another_outcome_than_the_first_is_set_aside(self, sqlite_installation: Installation) -> None:
        house = sqlite_installation
        sold = overpaid(house)
        (made,) = return_own_money(house.deps, loan_of(house, sold).consumer_id)
        ask_about_transfers(house.deps)
        body = callback_of(house, made.id, made.channel, made.amount)
        failed = body | {"kind": "return.failed", "status": "failed", "code": "bank_busy"}
        verdict = receive(house.deps, *house.bank.signed(failed, "bev_12345678", house.clock.now()))
        assert (verdict.outcome, verdict.reason) == ("quarantined", "outcome")
        assert transfers(house)[0][0] == TransferStatus.SUCCEEDED


def callback_of(house: Installation, reference: str, mandate: str, amount: Money) -> dict[str, object]:
    return {
        "gateway_account": house.bank.gateway_account,
        "mode": "test",
        "kind": "return.succeeded",
        "reference": reference,
        "mandate_reference": mandate,
        "status": "succeeded",
        "code": "",
        "amount": amount.to_dict(),
        "occurred_at": house.clock.now().isoformat(),
    }
