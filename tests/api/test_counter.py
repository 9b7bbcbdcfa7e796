"""What the API tells a till, and asks of it: texts and waits of each state, a confirmed cancel, the link by SMS."""

import pytest
from fenqi.wire import CheckoutSchema

from merchant_server.domain.checkout import TILL_TEXT, CheckoutStatus
from merchant_server.services.resources import checkout_resource
from merchant_server.services.sale import claims
from merchant_server.services.sale.store_page import sticker_link
from tests.api.asking import refused
from tests.installation import Installation


def test_a_till_is_told_text_poll_interval_and_wait_of_every_state(installation: Installation) -> None:
    checkout = installation.checkout()
    told = installation.get(f"/v1/checkouts/{checkout.id}").get_json()["till"]
    assert told == {
        "text": {"zh-CN": "请顾客用手机扫码", "en": "Ask the customer to scan the code"},
        "final": False, "poll_after_seconds": 2, "wait_seconds": 180, "cancel_needs_confirm": False,
    }  # fmt: skip
    assert set(TILL_TEXT) == set(CheckoutStatus)
    assert set(CheckoutSchema().load(checkout_resource(checkout))["till"]) == set(told)


def test_a_checkout_in_a_customers_hand_is_cancelled_only_when_the_cashier_confirms(
    installation: Installation,
) -> None:
    checkout = installation.checkout()
    path = f"/v1/checkouts/{checkout.id}"
    claims.open_link(installation.deps, checkout.token, "phone-1")
    assert installation.get(path).get_json()["till"]["cancel_needs_confirm"] is True
    for body in ({}, {"confirm": False}):
        refused(installation.post(f"{path}/cancel", body), 422, "cancel_needs_confirm", "confirm")
    for bad in ("true", 1, None):
        refused(installation.post(f"{path}/cancel", {"confirm": bad}), 422, "field_invalid", "confirm")
    assert installation.now(checkout).status == "opened"
    assert installation.post(f"{path}/cancel", {"confirm": True}).get_json()["status"] == "cancelled"


def test_an_unopened_checkout_is_cancelled_at_once(installation: Installation) -> None:
    checkout = installation.checkout()
    assert installation.post(f"/v1/checkouts/{checkout.id}/cancel").get_json()["status"] == "cancelled"


def test_a_link_is_sent_once_however_often_the_same_request_comes(installation: Installation) -> None:
    checkout = installation.checkout()
    path = f"/v1/checkouts/{checkout.id}/send_link"
    for _ in range(3):
        answer = installation.post(path, {"phone": "138 0013 8000"}, key="same")
        assert answer.status_code == 200
    ((_, phone, text),) = installation.sms.messages
    assert phone == "+8613800138000"
    assert f"/p/{checkout.token}" in text and "小满商店" in text and "3999.00" in text
    assert installation.rows("SELECT purpose FROM code_sends") == [{"purpose": "link"}]


def test_links_are_bounded_like_codes_and_go_to_phones_only(installation: Installation) -> None:
    checkout = installation.checkout()
    path = f"/v1/checkouts/{checkout.id}/send_link"
    refused(installation.post(path, {"phone": "12345"}), 422, "phone_invalid", "phone")
    codes = [installation.post(path, {"phone": "13800138000"}).status_code for _ in range(8)]
    assert codes[0] == 200 and codes[-1] != 200
    assert len(installation.sms.messages) == codes.count(200) < 8


def test_no_link_is_sent_for_a_checkout_that_a_phone_holds(installation: Installation) -> None:
    checkout = installation.checkout()
    claims.open_link(installation.deps, checkout.token, "phone-1")
    path = f"/v1/checkouts/{checkout.id}/send_link"
    refused(installation.post(path, {"phone": "13800138000"}), 409, "transition_not_allowed")
    late = installation.checkout(reference="late")
    installation.clock.pass_(minutes=16)
    late_path = f"/v1/checkouts/{late.id}/send_link"
    refused(installation.post(late_path, {"phone": "13800138000"}), 409, "transition_not_allowed")
    assert installation.sms.messages == []


def test_a_gateway_that_is_down_is_asked_again_by_the_same_request(installation: Installation) -> None:
    checkout = installation.checkout()
    path = f"/v1/checkouts/{checkout.id}/send_link"
    refused(installation.post(path, {"phone": "+86 199 0000 0503"}, key="k"), 503, "sms_unavailable")
    refused(installation.post(path, {"phone": "+86 199 0000 0503"}, key="k"), 503, "sms_unavailable")


@pytest.mark.parametrize("change", [str.upper, str.lower])
def test_a_sticker_opens_the_stores_page_and_nothing_to_pay(installation: Installation, change) -> None:
    link = sticker_link(installation.deps, installation.store_id)
    assert link == sticker_link(installation.deps, installation.store_id)
    code = link.rpartition("/")[2]
    installation.checkout(till_id=installation.till_id)
    page = installation.client.get(f"/s/{change(code)}")
    assert page.status_code == 200
    assert "小满商店" in page.text and "人民路店" in page.text
    assert "/p/" not in page.text and "<form" not in page.text
    assert installation.client.get("/s/NOSUCHX").status_code == 404
