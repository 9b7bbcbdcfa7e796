"""One contract for every bank: the HTTP client against the running sandbox, and the fake in memory."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from fenqi.finance.money import Money

from merchant_server import ports
from merchant_server.providers.sandbox.magic import accounts_of
from tests.providers.world import AMOUNT, CAP, MAGIC, NAME, ORDINARY, OTHER, PHONE, World, mandate_on, ref


class TestAccountsAndMandates:
    """Accounts belong to a holder; a mandate is signed once for each reference."""

    def test_a_holder_sees_the_same_masked_accounts_each_time(self, world: World) -> None:
        first = world.bank.accounts(name=NAME, id_number=ORDINARY, phone=PHONE)
        assert first == world.bank.accounts(name=NAME, id_number=ORDINARY, phone=PHONE)
        assert [a.label[-40:] for a in first] == [a.label[-40:] for a in accounts_of(ORDINARY)]
        assert not any(re.search(r"\d{5}", account.label) for account in first)

    def test_two_holders_share_no_token(self, world: World) -> None:
        mine = world.bank.accounts(name=NAME, id_number=ORDINARY, phone=PHONE)
        theirs = world.bank.accounts(name="李娜", id_number=OTHER, phone=PHONE)
        assert not {a.token for a in mine} & {a.token for a in theirs}

    def test_signing_again_with_the_same_reference_changes_nothing(self, world: World) -> None:
        token = world.bank.accounts(name=NAME, id_number=ORDINARY, phone=PHONE)[0].token
        terms = {"account_token": token, "name": NAME, "id_number": ORDINARY}
        reference = ref("mnd")
        first = world.bank.sign_mandate(reference=reference, cap=CAP, **terms)
        assert first == world.bank.sign_mandate(reference=reference, cap=CAP, **terms)

    def test_signing_again_with_other_terms_is_refused(self, world: World) -> None:
        token = world.bank.accounts(name=NAME, id_number=ORDINARY, phone=PHONE)[0].token
        terms = {"reference": ref("mnd"), "account_token": token, "name": NAME, "id_number": ORDINARY}
        world.bank.sign_mandate(cap=CAP, **terms)
        with pytest.raises(ports.ProviderRefused) as refusal:
            world.bank.sign_mandate(cap=CAP + CAP, **terms)
        assert refusal.value.code == "reference_conflict"

    def test_nobody_signs_for_another_persons_account(self, world: World) -> None:
        token = world.bank.accounts(name="李娜", id_number=OTHER, phone=PHONE)[0].token
        with pytest.raises(ports.ProviderRefused) as refusal:
            world.bank.sign_mandate(
                reference=ref("mnd"), account_token=token, name=NAME, id_number=ORDINARY, cap=CAP
            )
        assert refusal.value.code == "account_unknown"

    def test_the_bank_may_refuse_a_mandate_with_a_code(self, world: World) -> None:
        id_number, reference = MAGIC["bank", "refuses"], ref("mnd")
        token = world.bank.accounts(name=NAME, id_number=id_number, phone=PHONE)[0].token
        signed = world.bank.sign_mandate(
            reference=reference, account_token=token, name=NAME, id_number=id_number, cap=CAP
        )
        assert signed == ports.BankMandate(reference=reference, status="refused", code="holder_refused")

    def test_cancelling_twice_is_harmless_and_an_unknown_mandate_is_unknown(self, world: World) -> None:
        reference = mandate_on(world, "pays")
        assert world.bank.cancel_mandate(reference=reference).status == "cancelled"
        assert world.bank.cancel_mandate(reference=reference).status == "cancelled"
        assert world.bank.cancel_mandate(reference="mnd_nobody").status == "unknown"


class TestDeductions:
    """A deduction is taken on once, within its mandate, and the bank tells the truth when asked."""

    def test_a_repeated_deduction_gets_the_same_answer_and_one_effect(self, world: World) -> None:
        mandate, reference = mandate_on(world, "insufficient_twice"), ref("ded")
        terms = {"reference": reference, "mandate_reference": mandate, "amount": AMOUNT}
        first = world.bank.deduct(**terms)
        assert first == ports.BankDeduction(reference=reference, status="pending", code="", amount=AMOUNT)
        assert [world.bank.deduct(**terms) for _ in range(5)] == [first] * 5
        second = ref("ded")
        world.bank.deduct(reference=second, mandate_reference=mandate, amount=AMOUNT)
        # Had the repeats counted, the account would have paid by now.
        assert world.bank.find_deduction(reference=second).code == "insufficient_funds"

    def test_a_repeated_reference_with_another_amount_is_refused(self, world: World) -> None:
        mandate, reference = mandate_on(world, "pays"), ref("ded")
        world.bank.deduct(reference=reference, mandate_reference=mandate, amount=AMOUNT)
        with pytest.raises(ports.ProviderRefused) as refusal:
            world.bank.deduct(reference=reference, mandate_reference=mandate, amount=AMOUNT + AMOUNT)
        assert refusal.value.code == "reference_conflict"
        assert world.bank.find_deduction(reference=reference).amount == AMOUNT

    @pytest.mark.parametrize(
        ("case", "code"),
        [
            ("unknown", "mandate_unknown"),
            ("cancelled", "mandate_not_active"),
            ("cap", "over_cap"),
            ("currency", "currency_mismatch"),
            ("zero", "amount_invalid"),
            ("negative", "amount_invalid"),
        ],
    )
    def test_what_the_mandate_does_not_allow_is_refused_and_never_taken_on(
        self, world: World, case: str, code: str
    ) -> None:
        mandate, reference = mandate_on(world, "pays"), ref("ded")
        amounts = {
            "cap": CAP + Money(1, "CNY"),
            "currency": Money(100, "USD"),
            "zero": Money(0, "CNY"),
            "negative": Money(-1, "CNY"),
        }
        if case == "cancelled":
            world.bank.cancel_mandate(reference=mandate)
        with pytest.raises(ports.ProviderRefused) as refusal:
            world.bank.deduct(
                reference=reference,
                mandate_reference="mnd_nobody" if case == "unknown" else mandate,
                amount=amounts.get(case, AMOUNT),
            )
        assert refusal.value.code == code
        assert world.bank.find_deduction(reference=reference).status == "unknown"

    @pytest.mark.parametrize(
        ("behaviour", "told"),
        [
            ("pays", [("succeeded", "")]),
            ("insufficient_twice", [("failed", "insufficient_funds")] * 2 + [("succeeded", "")]),
            ("callback_late", [("succeeded", "")]),
            ("callback_thrice", [("succeeded", "")]),
            ("closed", [("failed", "account_closed")] * 3),
        ],
    )
    def test_asking_tells_what_the_account_is_published_to_do(
        self, world: World, behaviour: str, told: list[tuple[str, str]]
    ) -> None:
        mandate = mandate_on(world, behaviour)
        for status, code in told:
            reference = ref("ded")
            world.bank.deduct(reference=reference, mandate_reference=mandate, amount=AMOUNT)
            assert world.bank.find_deduction(reference=reference) == ports.BankDeduction(
                reference=reference, status=status, code=code, amount=AMOUNT
            )


class TestPayments:
    """A payment is taken on once, made at a page of the bank's own, and told of."""

    def test_a_payment_is_taken_on_once_and_is_paid_at_its_page(self, world: World) -> None:
        reference = ref("pay")
        terms = {
            "reference": reference, "amount": AMOUNT, "description": "order-1001",
            "expires_at": datetime.now(UTC) + timedelta(hours=1), "return_url": "https://shop.example/back",
        }  # fmt: skip
        assert world.bank.find_payment(reference=reference).status == "unknown"
        first = world.bank.create_payment(**terms)
        assert world.bank.create_payment(**terms) == first
        assert (first.status, world.bank.find_payment(reference=reference)) == ("pending", first)
        with pytest.raises(ports.ProviderRefused) as refusal:
            world.bank.create_payment(**{**terms, "amount": AMOUNT + AMOUNT})
        assert refusal.value.code == "reference_conflict"
        world.pay(first.pay_url)
        assert world.bank.find_payment(reference=reference).status == "paid"
        (told,) = world.callbacks(reference, 1)
        assert (told.kind, told.amount, told.mandate_reference) == ("payment.succeeded", AMOUNT, "")

    @pytest.mark.parametrize("minor", [0, -1])
    def test_a_payment_of_nothing_is_refused(self, world: World, minor: int) -> None:
        with pytest.raises(ports.ProviderRefused) as refusal:
            world.bank.create_payment(
                reference=ref("pay"), amount=Money(minor, "CNY"), description="x",
                expires_at=datetime.now(UTC), return_url="",
            )  # fmt: skip
        assert refusal.value.code == "amount_invalid"


class TestCallbacks:
    """What the bank decided arrives signed, and says which row of ours it is about."""

    @pytest.mark.parametrize(
        ("behaviour", "kinds"),
        [
            ("pays", ["deduction.succeeded"]),
            ("callback_late", ["deduction.succeeded"]),
            ("callback_thrice", ["deduction.succeeded"] * 3),
            ("closed", ["deduction.failed"]),
            ("insufficient_twice", ["deduction.failed"]),
            ("reversed", ["deduction.succeeded", "deduction.reversed"]),
        ],
    )
    def test_each_account_calls_back_as_published(
        self, world: World, behaviour: str, kinds: list[str]
    ) -> None:
        mandate, reference = mandate_on(world, behaviour), ref("ded")
        world.bank.deduct(reference=reference, mandate_reference=mandate, amount=AMOUNT)
        came = world.callbacks(reference, len(kinds))
        assert [one.kind for one in came] == kinds
        assert len({one.event_id for one in came}) == len(set(kinds))
        for one in came:
            assert one.kind == f"deduction.{one.status}"
            assert (one.gateway_account, one.mode) == (world.bank.gateway_account, "test")
            assert (one.mandate_reference, one.amount) == (mandate, AMOUNT)

    def test_a_deduction_taken_back_is_found_as_reversed(self, world: World) -> None:
        mandate, reference = mandate_on(world, "reversed"), ref("ded")
        world.bank.deduct(reference=reference, mandate_reference=mandate, amount=AMOUNT)
        world.callbacks(reference, 2)
        found = world.bank.find_deduction(reference=reference)
        assert (found.status, found.code) == ("succeeded", "reversed")


class TestMoneyThatGoesBack:
    """Money is sent back once for each reference, to the account it came from."""

    def test_a_repeated_return_tells_what_became_of_the_first(self, world: World) -> None:
        mandate, reference = mandate_on(world, "pays"), ref("rfd")
        terms = {"reference": reference, "came_by": mandate, "amount": AMOUNT}
        first = world.bank.return_money(**terms)
        assert first == ports.BankTransfer(reference=reference, status="succeeded")
        assert world.bank.return_money(**terms) == first

    def test_what_was_paid_at_the_banks_page_goes_back_to_who_paid(self, world: World) -> None:
        reference = ref("pay")
        page = world.bank.create_payment(
            reference=reference,
            amount=AMOUNT,
            description="海浪自行车",
            expires_at=datetime.now(UTC) + timedelta(hours=1),
            return_url="https://shop.example/back",
        ).pay_url
        with pytest.raises(ports.ProviderRefused):
            world.bank.return_money(reference=ref("trf"), came_by=reference, amount=AMOUNT)
        world.pay(page)
        sent = world.bank.return_money(reference=ref("trf"), came_by=reference, amount=AMOUNT)
        assert sent.status == "succeeded"

    def test_a_mandate_that_is_over_still_names_the_account(self, world: World) -> None:
        mandate = mandate_on(world, "pays")
        world.bank.cancel_mandate(reference=mandate)
        sent = world.bank.return_money(reference=ref("rfd"), came_by=mandate, amount=AMOUNT)
        assert sent.status == "succeeded"

    def test_a_closed_account_takes_no_money(self, world: World) -> None:
        mandate = mandate_on(world, "closed")
        sent = world.bank.return_money(reference=ref("rfd"), came_by=mandate, amount=AMOUNT)
        assert (sent.status, sent.code) == ("failed", "account_closed")

    def test_the_same_reference_with_another_amount_is_refused(self, world: World) -> None:
        mandate, reference = mandate_on(world, "pays"), ref("rfd")
        world.bank.return_money(reference=reference, came_by=mandate, amount=AMOUNT)
        with pytest.raises(ports.ProviderRefused) as refusal:
            world.bank.return_money(reference=reference, came_by=mandate, amount=AMOUNT + AMOUNT)
        assert refusal.value.code == "reference_conflict"

    @pytest.mark.parametrize(
        ("mandate", "amount", "code"),
        [("mnd_nobody", AMOUNT, "mandate_unknown"), ("", Money(100, "EUR"), "currency_mismatch")],
    )
    def test_a_return_that_fits_no_account_is_refused(
        self, world: World, mandate: str, amount: Money, code: str
    ) -> None:
        with pytest.raises(ports.ProviderRefused) as refusal:
            world.bank.return_money(
                reference=ref("rfd"), came_by=mandate or mandate_on(world, "pays"), amount=amount
            )
        assert refusal.value.code == code

    def test_money_for_a_late_account_is_pending_before_it_arrives(self, world: World) -> None:
        mandate, reference = mandate_on(world, "returns_late"), ref("rfd")
        terms = {"reference": reference, "came_by": mandate, "amount": AMOUNT}
        assert world.bank.return_money(**terms).status == "pending"
        (told,) = world.callbacks(reference, 1)
        assert (told.kind, told.mandate_reference, told.amount) == ("return.succeeded", mandate, AMOUNT)
        assert world.bank.return_money(**terms).status == "succeeded"

    @pytest.mark.parametrize(
        ("behaviour", "code"), [("returns_busy", "bank_busy"), ("returns_refused", "account_frozen")]
    )
    def test_an_account_that_takes_no_money_back_is_told_of(
        self, world: World, behaviour: str, code: str
    ) -> None:
        mandate, reference = mandate_on(world, behaviour), ref("rfd")
        sent = world.bank.return_money(reference=reference, came_by=mandate, amount=AMOUNT)
        (told,) = world.callbacks(reference, 1)
        assert (sent.status, sent.code) == (told.status, told.code) == ("failed", code)
        assert told.kind == "return.failed"


class TestMoneyThatIsPaidOrDrawn:
    """Payouts and drawings: once for each reference, told by asking and by a callback."""

    @pytest.mark.parametrize(
        ("account", "status", "code"),
        [("sandbox_9001", "succeeded", ""), ("sandbox_9003", "failed", "account_closed")],
    )
    def test_a_drawing_tells_what_became_of_it(
        self, world: World, account: str, status: str, code: str
    ) -> None:
        terms = {"reference": ref("trf"), "account": account, "amount": AMOUNT}
        first = world.bank.draw(**terms)
        assert first == ports.BankTransfer(terms["reference"], status, code)
        assert world.bank.draw(**terms) == first
        (told,) = world.callbacks(str(terms["reference"]), 1)
        assert (told.kind, told.status, told.code) == (f"drawing.{status}", status, code)
        assert (told.mandate_reference, told.amount) == ("", AMOUNT)

    @pytest.mark.parametrize("account", ["sandbox_9006", "sandbox_9007", "sandbox_9008"])
    def test_a_drawing_whose_answer_is_lost_happens_once(self, world: World, account: str) -> None:
        terms = {"reference": ref("trf"), "account": account, "amount": AMOUNT}
        with pytest.raises(ports.ProviderUnavailable):
            world.bank.draw(**terms)
        assert world.bank.draw(**terms).status == "succeeded"

    def test_a_drawing_is_refused_for_an_unknown_account_and_for_another_amount(self, world: World) -> None:
        with pytest.raises(ports.ProviderRefused) as unknown:
            world.bank.draw(reference=ref("trf"), account="nobodys", amount=AMOUNT)
        assert unknown.value.code == "account_unknown"
        reference = ref("trf")
        world.bank.draw(reference=reference, account="sandbox_9001", amount=AMOUNT)
        with pytest.raises(ports.ProviderRefused) as other:
            world.bank.draw(reference=reference, account="sandbox_9001", amount=AMOUNT + AMOUNT)
        assert other.value.code == "reference_conflict"

    @pytest.mark.parametrize(
        ("account", "kind"), [("sandbox_9001", "payout.succeeded"), ("sandbox_9005", "payout.failed")]
    )
    def test_a_payout_is_called_back(self, world: World, account: str, kind: str) -> None:
        reference = ref("pyt")
        world.bank.pay_out(reference=reference, account=account, amount=AMOUNT)
        (told,) = world.callbacks(reference, 1)
        assert (told.kind, told.amount) == (kind, AMOUNT)
