"""What is signed is captured in parts, voided, or lapses after a warning; the consumer owes only what was captured."""

from fenqi.finance.money import Money

from merchant_server.domain.checkout import CheckoutStatus
from merchant_server.domain.deduction import MandateStatus
from merchant_server.domain.loan import LoanStatus
from merchant_server.services.operation.upkeep import cancel_orphan_mandates
from merchant_server.services.sale.capturing import capture_checkout, void_lapsed, warn_of_expiry
from merchant_server.services.sale.voiding import preview_void, void_checkout
from tests.installation import Installation
from tests.services.collecting import deductions_of, loan_of


def capture(house: Installation, checkout_id: str, minor: int) -> None:
    with house.deps.storage.unit_of_work() as uow:
        capture_checkout(uow, house.deps, house.caller, checkout_id, Money(minor, "CNY"))


def balance(house: Installation, account: str) -> int:
    with house.deps.storage.reading() as uow:
        return uow.ledger.balance(account, "CNY").minor


def test_parts_cost_the_merchant_no_more_than_the_whole(installation: Installation) -> None:
    sold = installation.sell(plan="p6", capture="manual")
    for minor in (1, 133_299, 266_600):
        capture(installation, sold.id, minor)
    merchant_id = installation.caller.merchant_id
    assert balance(installation, "income:merchant_fee") == -(399_900 * 60 // 10_000)
    assert balance(installation, f"merchant:{merchant_id}:held") == 0


def test_what_is_not_captured_is_warned_of_and_then_lapses_with_its_interest(
    installation: Installation,
) -> None:
    sold = installation.sell(plan="p12", capture="manual")
    capture(installation, sold.id, 99_900)
    signed = loan_of(installation, sold)
    installation.clock.pass_(days=6)
    assert (warn_of_expiry(installation.deps), warn_of_expiry(installation.deps)) == (1, 0)
    assert void_lapsed(installation.deps) == 0
    installation.clock.pass_(days=1)
    assert (void_lapsed(installation.deps), void_lapsed(installation.deps)) == (1, 0)
    loan = loan_of(installation, sold)
    assert loan.relieved_principal.minor == 300_000
    # A quarter of the price was delivered, so about a quarter of the interest is owed.
    assert abs((loan.interest - loan.relieved_interest).minor - signed.interest.minor * 999 // 3999) <= 12
    assert installation.now(sold).status == CheckoutStatus.CAPTURED
    assert balance(installation, f"merchant:{loan.merchant_id}:held") == 0
    types = [row["type"] for row in installation.rows("SELECT type FROM events ORDER BY sequence")]
    assert "checkout.authorization_expiring" in types


def test_a_sale_of_which_nothing_was_captured_owes_nothing_and_frees_its_mandate(
    installation: Installation,
) -> None:
    sold = installation.sell(plan="p12", capture="manual")
    with installation.deps.storage.unit_of_work() as uow:
        void_checkout(uow, installation.deps, installation.caller, sold.id)
    loan = loan_of(installation, sold)
    assert (loan.status, loan.outstanding.minor) == (LoanStatus.CANCELLED, 0)
    assert cancel_orphan_mandates(installation.deps) == 1
    with installation.deps.storage.reading() as uow:
        mandate = uow.mandates.get(loan.mandate_id)
        line = uow.lines.get(loan.consumer_id, "CNY")
    assert mandate is not None and mandate.status == MandateStatus.CANCELLED
    assert line is not None and line.used.minor == 0


def test_nothing_is_collected_before_anything_was_captured(installation: Installation) -> None:
    sold = installation.sell(plan="p3", capture="manual")
    installation.advance(months=1)
    installation.work()
    assert deductions_of(installation, sold) == []
    capture(installation, sold.id, 399_900)
    installation.advance(days=1)
    installation.work()
    assert [each.status.value for each in deductions_of(installation, sold)] == ["succeeded"]


def test_a_part_given_up_before_any_capture_leaves_the_rest_authorized_and_owed(
    installation: Installation,
) -> None:
    sold = installation.sell(plan="p12", capture="manual")
    signed = loan_of(installation, sold)
    deps, caller = installation.deps, installation.caller
    with deps.storage.unit_of_work() as uow:
        shown = preview_void(uow, deps, caller, sold.id, Money(99_900, "CNY"))
    with deps.storage.unit_of_work() as uow:
        reduced = void_checkout(uow, deps, caller, sold.id, shown.amount, shown.loan_sequence)
    loan = loan_of(installation, sold)
    assert (reduced.status, reduced.uncaptured.minor) == (CheckoutStatus.AUTHORIZED, 300_000)
    assert loan.outstanding == signed.outstanding - shown.amount - shown.change.interest_given_back
    with deps.storage.reading() as uow:
        owed = tuple(row.due() for row in uow.loans.installments(loan.id) if row.is_open)
    assert owed == shown.change.rows
    assert balance(installation, f"merchant:{loan.merchant_id}:held") == -300_000
    capture(installation, sold.id, 300_000)
    assert balance(installation, f"merchant:{loan.merchant_id}:held") == 0
