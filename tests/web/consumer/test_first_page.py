"""The first page is drawn once for equal values, and anew as soon as one of them is another."""

from collections.abc import Callable

import pytest

from merchant_server.domain.checkout import Checkout
from merchant_server.services.operation.test_clock import advance_clock
from merchant_server.web.consumer import opening
from tests.installation import Installation
from tests.web.consumer.phone import Phone


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    opening._SHOWN.clear()


def test_a_reload_shows_the_same_page(phone: Phone) -> None:
    first = phone.get().text
    assert phone.get().text == first
    opening._SHOWN.clear()
    assert phone.get().text == first


def test_the_page_follows_the_day_and_the_language(installation: Installation, phone: Phone) -> None:
    today = phone.get().text
    with installation.deps.storage.unit_of_work() as uow:
        advance_clock(uow, installation.deps, installation.caller, months=1)
    later = phone.get().text
    assert "2026年12月21日" in today and "2026年12月21日" not in later
    phone.get("?lang=en")
    assert "Every plan, cheapest first" in phone.get().text


def test_a_page_that_is_kept_is_shown_to_its_phone_only(phone: Phone, new_phone: Callable[[], Phone]) -> None:
    assert phone.get().status_code == 200
    other = new_phone()
    other.get()
    assert other.get().status_code == 409


def test_only_so_many_pages_are_kept(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "SHOWN_MAX", 2)
    made: list[Checkout] = [installation.checkout() for _ in range(4)]
    for checkout in made:
        assert Phone(installation, checkout).get().status_code == 200
    assert list(opening._SHOWN) == [checkout.token for checkout in made[-2:]]
