"""The decision through a sale: each source's answer, and the amount that would have been approved."""

import pytest
from fenqi.finance.money import Money

from tests.installation import ID_NUMBER, Installation


@pytest.mark.parametrize(
    ("id_number", "status", "reason"),
    [
        (ID_NUMBER, "offered", None),
        ("110101199003079200", "offered", None),
        ("110101199003079104", "declined", "identity_mismatch"),
        ("110101199003079227", "declined", "bureau_overdue"),
        ("110101199003079120", "referred", "identity_unknown"),
        ("110101199003079139", "referred", "identity_unknown"),
        ("110101199003079251", "referred", "bureau_unknown"),
        ("11010119900307926X", "referred", "bureau_unknown"),
    ],
)
def test_what_the_sources_say_decides(
    sqlite_installation: Installation, id_number: str, status: str, reason: str | None
) -> None:
    installation = sqlite_installation
    decided = installation.apply(installation.checkout(), id_number=id_number)
    assert (decided.status, decided.decline_code) == (status, reason)
    assert bool(installation.rows("SELECT * FROM credit_lines")) is (status == "offered")


def test_an_amount_beyond_the_line_is_declined_with_what_would_be_approved(
    installation: Installation,
) -> None:
    decided = installation.apply(installation.checkout(Money(90_000_000, "CNY")))
    assert (decided.status, decided.decline_code) == ("declined", "amount_over_limit")
    with installation.deps.storage.reading() as uow:
        answered = uow.decisions.get(str(decided.decision_id))
    assert answered is not None
    offered = answered[1].counter_offer_minor
    assert offered is not None and 0 < offered < 90_000_000
    smaller = installation.apply(installation.checkout(Money(offered, "CNY"), reference="order-2"))
    assert smaller.status == "offered"


def test_the_largest_amount_that_the_wire_takes_gets_a_decision(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    decided = installation.apply(installation.checkout(Money(9 * 10**14, "CNY")))
    assert decided.status in ("declined", "referred")
