"""The signature (laws 4, 6, 10): one loan whatever happens between its steps, and never beyond the line."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from fenqi.finance.money import Money

from merchant_server.domain.checkout import Checkout, CheckoutStatus
from merchant_server.domain.errors import DomainError, RuleRefused, Unavailable
from merchant_server.services.operation.upkeep import cancel_orphan_mandates
from merchant_server.services.sale import signing
from tests.installation import Installation


class CutOff(BaseException):
    """The process is gone: nothing of ours may catch this."""


class CutOnce:
    """Stands before a provider and dies at the first call of one method, before or after its act."""

    def __init__(self, inner: Any, method: str, *, after: bool) -> None:
        self._inner, self._method, self._after, self.cuts = inner, method, after, 1

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name != self._method or not self.cuts:
            return found

        def cut(*positional: Any, **named: Any) -> Any:
            self.cuts -= 1
            if self._after:
                found(*positional, **named)
            raise CutOff

        return cut


def ready(house: Installation, **draft: Any) -> Checkout:
    checkout = house.checkout(**draft)
    house.apply(checkout)
    house.choose(checkout, plan="p3")
    return checkout


def cut(house: Installation, provider: str, method: str, *, after: bool, act: Callable[[], object]) -> None:
    """Do something with a provider that dies once; the house is whole again afterwards."""
    deps = house.deps
    house.deps = replace(deps, **{provider: CutOnce(getattr(deps, provider), method, after=after)})
    with pytest.raises(CutOff):
        act()
    house.deps = deps
    assert house.breaches() == []


@pytest.mark.parametrize(
    ("provider", "method", "after"),
    [
        ("sms", "send", False),
        ("sms", "send", True),
        ("bank", "sign_mandate", False),
        ("bank", "sign_mandate", True),
        ("signer", "sign", False),
        ("signer", "sign", True),
    ],
)
def test_a_crash_anywhere_in_the_signature_is_gone_on_from(
    sqlite_installation: Installation, provider: str, method: str, after: bool
) -> None:
    installation = sqlite_installation
    checkout = ready(installation)
    cut(installation, provider, method, after=after, act=lambda: installation.sign(checkout))
    assert installation.now(checkout).status == CheckoutStatus.SIGNING
    assert installation.rows("SELECT * FROM loans") == []
    signed = installation.sign(checkout)
    assert signed.status == CheckoutStatus.CAPTURED
    for table, count in (("loans", 1), ("journal_entries", 2)):
        assert len(installation.rows(f"SELECT * FROM {table}")) == count
    assert [mandate.status for mandate in installation.bank._mandates.values()] == ["active"]


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_in_the_decision_is_opened_again_and_decided_once_more(
    sqlite_installation: Installation, after: bool
) -> None:
    installation = sqlite_installation
    checkout = installation.checkout()
    cut(installation, "policy", "decide", after=after, act=lambda: installation.apply(checkout))
    assert installation.now(checkout).status == CheckoutStatus.DECIDING
    installation.clock.pass_(seconds=31)
    installation.work()
    assert installation.now(checkout).status == CheckoutStatus.OPENED
    assert installation.apply(checkout).status == CheckoutStatus.OFFERED


def test_an_answer_that_comes_while_a_newer_application_is_decided_is_not_taken(
    sqlite_installation: Installation,
) -> None:
    installation = sqlite_installation
    checkout = installation.checkout()
    deps = installation.deps

    class Slow:
        """While the first application's policy thinks, upkeep opens the checkout and the consumer applies again."""

        def __getattr__(self, name: str) -> Any:
            return getattr(deps.policy, name)

        def decide(self, *positional: Any, **named: Any) -> Any:
            installation.clock.pass_(seconds=31)
            installation.work()
            installation.deps = deps
            cut(installation, "policy", "decide", after=False, act=lambda: installation.apply(checkout))
            return deps.policy.decide(*positional, **named)

    installation.deps = replace(deps, policy=Slow())
    with pytest.raises(DomainError):
        installation.apply(checkout)
    assert installation.now(checkout).status == CheckoutStatus.DECIDING
    installation.clock.pass_(seconds=31)
    installation.work()
    assert installation.apply(checkout).status == CheckoutStatus.OFFERED
    installation.choose(checkout, plan="p3")
    assert installation.sign(checkout).status == CheckoutStatus.CAPTURED


@pytest.mark.parametrize("step", ["accounts", "render"])
def test_a_crash_while_the_agreement_is_drawn_up_leaves_the_choice_open(
    sqlite_installation: Installation, step: str
) -> None:
    installation = sqlite_installation
    checkout = installation.checkout()
    installation.apply(checkout)
    provider = "bank" if step == "accounts" else "renderer"
    cut(installation, provider, step, after=True, act=lambda: installation.choose(checkout, plan="p3"))
    assert installation.now(checkout).status == CheckoutStatus.OFFERED
    installation.choose(checkout, plan="p3")
    assert installation.sign(checkout).status == CheckoutStatus.CAPTURED


def test_a_bank_that_is_down_signs_nothing_and_the_next_code_does(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    checkout = ready(installation)
    installation.bank.down = True
    with pytest.raises(Unavailable):
        installation.sign(checkout)
    assert installation.rows("SELECT * FROM loans") == []
    installation.bank.down = False
    assert installation.sign(checkout).status == CheckoutStatus.CAPTURED


def test_a_refused_mandate_signs_nothing(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    checkout = installation.checkout()
    installation.apply(checkout, id_number="110101199003079307")
    installation.choose(checkout, plan="p3")
    with pytest.raises(RuleRefused) as refusal:
        installation.sign(checkout)
    assert refusal.value.code == "mandate_refused"
    assert installation.now(checkout).status == CheckoutStatus.SIGNING


def at_once(count: int, act: Callable[[int], object]) -> list[str]:
    start = threading.Barrier(count)

    def run(number: int) -> str:
        start.wait()
        try:
            act(number)
        except DomainError as refused:
            return refused.code
        return "done"

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_signing_twice_is_one_signature(installation: Installation) -> None:
    checkout = ready(installation)
    first = installation.sign(checkout)
    again = signing.sign(installation.deps, checkout.token, "phone-1", "000000")
    assert again.loan_id == first.loan_id
    assert len(installation.rows("SELECT * FROM agreements WHERE status = 'signed'")) == 1


def test_eight_taps_at_once_are_one_signature(installation: Installation) -> None:
    checkout = ready(installation)
    signing.send_signing_code(installation.deps, checkout.token, "phone-1")
    digits = installation.last_code()
    outcomes = at_once(8, lambda _: signing.sign(installation.deps, checkout.token, "phone-1", digits))
    assert "done" in outcomes
    assert set(outcomes) <= {"done", "code_used", "conflict", "step_out_of_order"}
    assert len(installation.rows("SELECT * FROM loans")) == 1
    assert len(installation.bank._mandates) == 1


def test_twenty_checkouts_signed_at_once_stay_within_the_line(installation: Installation) -> None:
    amount = Money(200_000, "CNY")
    made = []
    for number in range(20):
        made.append(
            ready(installation, amount=amount, reference=f"order-{number}", expires_in_seconds=172_800)
        )
        installation.clock.pass_(minutes=11)
        # A day's share of messages goes to ten codes; the night gives new ones.
        if number % 4 == 3:
            installation.clock.pass_(hours=24)
            with installation.engine.transaction() as connection:
                connection.execute("UPDATE checkouts SET expires_at = '2027-12-31T00:00:00.000000Z'")
    with installation.engine.transaction() as connection:
        connection.execute("UPDATE credit_lines SET limit_minor = :limit", {"limit": 7 * amount.minor + 1})
    digits = {}
    for checkout in made:
        installation.clock.pass_(hours=9)
        signing.send_signing_code(installation.deps, checkout.token, "phone-1")
        digits[checkout.id] = installation.last_code()
        with installation.engine.transaction() as connection:
            connection.execute("UPDATE codes SET expires_at = '2027-12-31T00:00:00.000000Z'")

    outcomes = at_once(
        20,
        lambda number: signing.sign(
            installation.deps, made[number].token, "phone-1", digits[made[number].id]
        ),
    )
    assert outcomes.count("done") <= 7
    assert set(outcomes) <= {"done", "amount_over_limit", "conflict"}
    (line,) = installation.rows("SELECT used_minor, limit_minor FROM credit_lines")
    assert line["used_minor"] == outcomes.count("done") * amount.minor <= line["limit_minor"]


def test_a_plan_changed_while_the_bank_is_asked_signs_nothing_old(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    checkout = ready(installation)
    signing.send_signing_code(installation.deps, checkout.token, "phone-1")
    digits = installation.last_code()
    inner = installation.deps

    class Meanwhile:
        """While the bank signs, the other tab picks another plan."""

        gateway_account = installation.bank.gateway_account

        def __getattr__(self, name: str) -> Any:
            return getattr(installation.bank, name)

        def sign_mandate(self, **named: Any) -> Any:
            answer = installation.bank.sign_mandate(**named)
            installation.choose(checkout, plan="p6")
            return answer

    with pytest.raises(DomainError):
        signing.sign(replace(inner, bank=Meanwhile()), checkout.token, "phone-1", digits)
    assert installation.rows("SELECT * FROM loans") == []
    assert installation.now(checkout).plan_id == "p6"
    assert installation.sign(checkout).plan_id == "p6"
    cancel_orphan_mandates(installation.deps)
    assert sorted(mandate.status for mandate in installation.bank._mandates.values()) == [
        "active",
        "cancelled",
    ]


def test_what_was_shown_is_what_was_signed_is_what_is_served(installation: Installation) -> None:
    checkout = ready(installation)
    shown = signing.shown_agreement(installation.deps, checkout.token, "phone-1").shown_pdf
    installation.sign(checkout)
    served = signing.shown_agreement(installation.deps, checkout.token, "phone-1")
    assert served.signed_pdf is not None
    assert served.signed_pdf.startswith(shown) and served.shown_pdf == shown
    again = signing.shown_agreement(installation.deps, checkout.token, "phone-1")
    assert again.signed_pdf == served.signed_pdf


def test_a_signature_on_other_bytes_is_refused(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    checkout = ready(installation)

    class Forger:
        def sign(self, pdf: bytes, **named: Any) -> bytes:
            return b"%PDF-1.7 another document" + pdf

    deps = installation.deps
    installation.deps = replace(deps, signer=Forger())
    with pytest.raises(RuleRefused) as refusal:
        installation.sign(checkout)
    installation.deps = deps
    assert refusal.value.code == "agreement_altered"
    assert installation.rows("SELECT * FROM loans") == []


def test_mandates_that_no_loan_needs_are_taken_back_at_the_bank(installation: Installation) -> None:
    checkout = ready(installation)
    cut(installation, "signer", "sign", after=False, act=lambda: installation.sign(checkout))
    assert [mandate.status for mandate in installation.bank._mandates.values()] == ["active"]
    installation.clock.pass_(hours=1)
    installation.bank.down = True
    installation.work()
    assert [row["status"] for row in installation.rows("SELECT status FROM mandates")] == ["pending"]
    installation.bank.down = False
    installation.work()
    assert [mandate.status for mandate in installation.bank._mandates.values()] == ["cancelled"]
    assert [row["status"] for row in installation.rows("SELECT status FROM mandates")] == ["cancelled"]
