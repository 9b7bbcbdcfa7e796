"""A shop whose network is down sells: the phone carries the till's word to the server and the answer back."""

import threading

import pytest
import requests
from fenqi import Client, Money, Till, qr
from fenqi.errors import ConfigError
from fenqi.till import CodeWrong, Grant, PublicKeys, SaleStatus, SecretKeys, TillRefused
from werkzeug.serving import make_server

from merchant_server.domain.errors import DomainError, Expired, NotFound, RuleRefused
from merchant_server.domain.till_key import OfflineBounds
from merchant_server.services.sale import checkouts, offline
from tests.till.conftest import BOUNDS, granted, letters


def refused(code, action, *arguments, **named):
    with pytest.raises((DomainError, TillRefused)) as error:
        action(*arguments, **named)
    assert error.value.code == code
    assert error.value.hint
    return error.value


@pytest.fixture
def network(counter):
    """The real API over a socket, for the time when the network is back."""
    server = make_server("127.0.0.1", 0, counter.house.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Client(
        api_key=counter.house.api_key, base_url=f"http://127.0.0.1:{server.port}", clock=counter.house.clock
    )
    server.shutdown()
    thread.join()


def test_a_sale_without_network_ends_with_goods_handed_over_and_one_loan(counter, network, monkeypatch):
    def no_network(*_, **__):
        raise AssertionError("the till used the network")

    with monkeypatch.context() as offline_now:
        offline_now.setattr(requests.Session, "send", no_network)
        sale = counter.sell()
        assert sale.status == SaleStatus.SHOWN
        receipt = counter.sign(sale)
        assert counter.till.confirm(sale.id, f"{receipt.code[:4]} {receipt.code[4:]}").status == "confirmed"
    ended = counter.till.reconcile(network)
    assert [each.id for each in ended.settled] == [sale.id]
    assert ended.settled[0].checkout_id.startswith("chk_")
    assert counter.till.sale(sale.id).status == SaleStatus.SETTLED
    assert counter.till.reconcile(network) == type(ended)()
    loan = next(iter(network.loans.list(checkout_id=ended.settled[0].checkout_id)))
    assert loan.principal == sale.amount


def test_the_checkout_of_an_offline_sale_is_the_tills_own(counter):
    checkout = counter.open(counter.sell(reference="order-7", plan_ids=["p6", "p12"]))
    assert checkout.reference == "order-7"
    assert (checkout.till_id, checkout.store_id) == (counter.house.till_id, counter.house.store_id)
    assert set(checkout.plan_ids) == {"p6", "p12"}
    assert checkout.amount == Money(399_900, "CNY")


def test_opening_the_code_again_leads_to_the_same_checkout(counter):
    sale = counter.sell()
    assert counter.open(sale).id == counter.open(sale).id
    assert letters(sale).lower() != letters(sale)
    assert offline.redeem(counter.house.deps, letters(sale).lower()).id == counter.open(sale).id


def test_the_receipt_is_believed_too_and_both_may_be_shown_again(counter):
    sale = counter.sell()
    receipt = counter.sign(sale)
    assert counter.till.confirm_receipt(receipt.text).status == SaleStatus.CONFIRMED
    assert counter.till.confirm_receipt(receipt.text).status == SaleStatus.CONFIRMED
    assert counter.till.confirm(sale.id, receipt.code).status == SaleStatus.CONFIRMED


def test_a_phone_that_has_not_signed_shows_no_receipt(counter):
    checkout = counter.open(counter.sell())
    counter.house.apply(checkout)
    assert offline.receipt_of(counter.house.deps, checkout.token, "phone-1") is None


def test_the_eight_digits_of_one_sale_open_no_other(counter):
    first, second = counter.sell(reference="a"), counter.sell(reference="b")
    receipt = counter.sign(first)
    with pytest.raises(CodeWrong):
        counter.till.confirm(second.id, receipt.code)
    assert counter.till.sale(second.id).status == SaleStatus.SHOWN
    other = counter.till.confirm_receipt(receipt.text)
    assert other.id == first.id


def test_five_wrong_codes_are_the_end_of_codes_for_a_sale(counter):
    sale = counter.sell()
    receipt = counter.sign(sale)
    wrong = f"{(int(receipt.code) + 1) % 10**8:08d}"
    left = []
    for typed in (wrong, "", "1234567", "１２３４５６７８", wrong):
        with pytest.raises(CodeWrong) as error:
            counter.till.confirm(sale.id, typed)
        left.append(error.value.tries_left)
    assert left == [4, 3, 2, 1, 0]
    refused("offline_tries_spent", counter.till.confirm, sale.id, receipt.code)
    assert counter.till.confirm_receipt(receipt.text).status == SaleStatus.CONFIRMED


def test_a_receipt_of_another_server_or_another_till_is_not_believed(counter, tmp_path):
    sale = counter.sell()
    receipt = counter.sign(sale)
    keys = SecretKeys.new()
    other = Till(keys, granted(counter.house, keys), tmp_path / "other.sqlite", clock=counter.house.clock)
    refused("offline_receipt_foreign", other.confirm_receipt, receipt.text)
    edited = receipt.text[:20] + ("A" if receipt.text[20] != "A" else "B") + receipt.text[21:]
    error = refused("offline_receipt_forged", counter.till.confirm_receipt, edited)
    assert "hand over" in error.hint
    refused("offline_token_malformed", counter.till.confirm_receipt, "https://example.com")


def test_the_till_keeps_to_its_bounds_before_the_server_has_to(counter):
    refused("offline_amount_over_limit", counter.sell, 500_001)
    for number in range(4):
        counter.sell(490_000, f"order-{number}")
    refused("offline_day_over_limit", counter.sell, 490_000, "one-more")
    counter.house.clock.pass_(days=1)
    counter.sell(490_000, "next-day")
    refused("argument_invalid", counter.till.sell, Money(100, "USD"), reference="x")
    refused("argument_invalid", counter.till.sell, Money(100, "CNY"), reference="中文")
    with pytest.raises(ConfigError):
        counter.sell(100, "x", plan_ids=["p99"])


def test_the_same_order_is_one_sale_until_its_code_is_too_old(counter):
    first = counter.sell()
    assert counter.sell() == first
    refused("offline_reference_taken", counter.sell, 100)
    counter.house.clock.pass_(hours=2)
    assert counter.sell().id != first.id


def test_the_server_counts_the_day_itself(counter, tmp_path):
    """A thief with the till's key has no journal; the bounds hold all the same."""
    for number in range(4):
        counter.open(counter.sell(490_000, f"order-{number}"))
    thief = Till(counter.keys, counter.till.grant, tmp_path / "empty.sqlite", clock=counter.house.clock)
    sale = thief.sell(Money(490_000, "CNY"), reference="stolen")
    refused("offline_day_over_limit", counter.open, sale)


def test_a_revoked_key_sells_nothing_more_and_what_was_opened_goes_on(counter):
    opened, unopened = counter.sell(reference="a"), counter.sell(reference="b")
    checkout = counter.open(opened)
    offline.revoke_till_key(counter.house.deps, counter.till.grant.key_id)
    refused("till_key_revoked", counter.open, unopened)
    assert counter.open(opened).id == checkout.id
    with pytest.raises(NotFound):
        offline.revoke_till_key(counter.house.deps, counter.till.grant.key_id)


def test_a_code_from_the_past_or_the_future_is_refused(counter):
    sale = counter.sell()
    counter.house.clock.pass_(seconds=3601)
    with pytest.raises(Expired):
        counter.open(sale)
    early = counter.sell(reference="early")
    counter.house.clock.pass_(minutes=-11)
    refused("offline_clock_wrong", counter.open, early)


def test_two_phones_that_bring_a_sale_at_once_make_one_checkout(counter):
    sale = counter.sell()
    found, failed = [], []

    def bring():
        try:
            found.append(counter.open(sale).id)
        except DomainError as lost:
            failed.append(lost.code)

    phones = [threading.Thread(target=bring) for _ in range(6)]
    for phone in phones:
        phone.start()
    for phone in phones:
        phone.join()
    assert len(set(found)) == 1
    assert set(failed) <= {"conflict"}
    assert counter.open(sale).id == found[0]


def test_keys_are_registered_once_and_for_known_tills_and_plans_only(counter):
    house = counter.house
    refused("till_key_taken", granted, house, counter.keys)
    with pytest.raises(NotFound):
        offline.add_till_key(
            house.deps, till_id="til_x", public_keys=SecretKeys.new().public, bounds=BOUNDS, plan_ids=()
        )
    with pytest.raises(RuleRefused):
        granted(house, SecretKeys.new(), plan_ids=("p99",))
    with pytest.raises(RuleRefused):
        OfflineBounds(0, 1, 1, 1)


def test_reconciling_tells_cancelled_lapsed_open_and_unknown_sales_apart(counter, network):
    lapsed = counter.sell(100_000, "lapsed")
    cancelled = counter.sell(100_000, "cancelled")
    counter.till.cancel(cancelled.id)
    late = counter.sell(100_000, "late")
    counter.till.cancel(late.id)
    counter.sign(late)
    refused("offline_sale_over", counter.till.confirm, cancelled.id, "12345678")
    half = counter.open(counter.sell(100_000, "half"))
    counter.house.clock.pass_(seconds=1)
    ended = counter.till.reconcile(network)
    assert [each.reference for each in ended.signed_after_cancel] == ["late"]
    assert {each.reference for each in ended.open} == {"lapsed", "cancelled", "half"}
    counter.house.clock.pass_(seconds=3700)
    with counter.house.deps.storage.unit_of_work() as uow:
        checkouts.cancel_checkout(uow, counter.house.deps, counter.house.caller, half.id)
    ended = counter.till.reconcile(network)
    assert {each.reference for each in ended.lapsed} == {"lapsed", "cancelled", "half"}
    assert counter.till.sale(lapsed.id).status == SaleStatus.LAPSED


def test_the_key_file_is_its_owners_and_the_grant_is_checked(tmp_path, counter):
    keys = SecretKeys.open(tmp_path / "till.key")
    assert SecretKeys.open(tmp_path / "till.key").public == keys.public
    assert (tmp_path / "till.key").stat().st_mode & 0o777 == 0o600
    assert PublicKeys.parse(str(keys.public)) == keys.public
    assert "seed" not in repr(keys)
    raw = counter.till.grant.to_dict()
    assert Grant.from_dict(raw) == counter.till.grant
    for name in raw:
        for bad in (None, "", 0, [], "x" if name in ("server_keys", "time_zone") else None):
            with pytest.raises(ConfigError):
                Grant.from_dict(raw | {name: bad})
    (tmp_path / "till.key").write_text("short")
    with pytest.raises(ConfigError):
        SecretKeys.open(tmp_path / "till.key")


def test_a_sale_fits_a_code_that_phones_read_from_a_screen(counter):
    assert qr.version(counter.sell(reference="xm-0123456789abcdef").url) <= 9


def test_the_phone_opens_a_sale_and_ends_with_the_receipt_on_its_page(counter):
    sale = counter.sell()
    phone = counter.house.client
    answer = phone.get(f"/o/{letters(sale)}")
    assert answer.status_code == 303
    page = phone.get(answer.location, follow_redirects=True)
    assert page.status_code == 200 and "3,999.00" in page.text
    robot = counter.house.client.get(f"/o/{letters(sale)}", headers={"User-Agent": "WhatsApp/2.1"})
    assert robot.status_code == 200 and "3,999.00" not in robot.text
    other = counter.house.client.get(f"/o/{letters(sale)}", follow_redirects=True)
    assert other.status_code == 409
    forged = counter.house.client.get(f"/o/{letters(sale)[:-3]}000")
    assert forged.status_code == 422
