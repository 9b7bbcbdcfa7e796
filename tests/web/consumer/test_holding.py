"""Who holds a code: the first phone, no preview, no second phone, nobody once it is over (law 9)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from merchant_server.domain.checkout import Checkout, CheckoutStatus
from merchant_server.domain.errors import DomainError
from merchant_server.services.sale.checkouts import cancel_checkout
from merchant_server.web.consumer.steps import PAGES, Page, refuse_if_ended, step_for
from merchant_server.web.error_pages import status_for
from merchant_server.web.error_words import WORDS
from tests.installation import Installation
from tests.web.consumer.phone import Phone

PREVIEWS = [
    {"Sec-Purpose": "prefetch;prerender"},
    {"Purpose": "prefetch"},
    {"X-Purpose": "preview"},
    {"X-Moz": "prefetch"},
    {"User-Agent": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"},
    {"User-Agent": "WhatsApp/2.23.20.0 A"},
    {"User-Agent": "TelegramBot (like TwitterBot)"},
    {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
    {"User-Agent": "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)"},
]
PHONES = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 MicroMessenger/8.0.50 NetType/WIFI",
    "Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; U; Android 14; zh-cn) AppleWebKit/537.36 AlipayClient/10.5 Mobile Safari/537.36",
]


@pytest.mark.parametrize("headers", PREVIEWS, ids=lambda each: next(iter(each.values()))[:24])
def test_a_preview_sees_the_shop_and_takes_no_hold(phone: Phone, headers: dict[str, str]) -> None:
    seen = phone.get(**headers)
    assert seen.status_code == 200
    assert "小满商店" in seen.text
    assert "Set-Cookie" not in seen.headers
    assert phone.status == "created"
    assert phone.get("/phone", **headers).headers["Location"] == phone.home
    assert phone.status == "created"


def test_a_head_request_takes_no_hold(phone: Phone) -> None:
    assert phone.client.head(phone.home).status_code == 200
    assert phone.client.head(f"{phone.home}/phone").status_code == 303
    assert phone.status == "created"


@pytest.mark.parametrize("agent", PHONES)
def test_a_phone_takes_hold_whatever_its_make(phone: Phone, agent: str) -> None:
    assert phone.get(**{"User-Agent": agent}).status_code == 200
    assert phone.status == "opened"


def test_a_preview_of_a_held_code_learns_nothing(phone: Phone, new_phone: Callable[[], Phone]) -> None:
    phone.get()
    seen = new_phone().get(**PREVIEWS[0])
    assert seen.status_code == 409
    assert "3,999" not in seen.text


def test_a_second_phone_is_told_and_the_first_goes_on(phone: Phone, new_phone: Callable[[], Phone]) -> None:
    phone.get()
    refused = new_phone().get()
    assert refused.status_code == 409
    assert "checkout_claimed" in refused.text
    assert phone.get("/phone").status_code == 200


def test_a_second_phone_reads_no_document(phone: Phone, new_phone: Callable[[], Phone]) -> None:
    phone.sign()
    other = new_phone()
    for page in ("", "/done", "/agreement.pdf", "/sign"):
        answer = other.get(page)
        assert answer.status_code == 409
        assert b"%PDF" not in answer.data
    assert "王小明" not in other.get("/done").text


def test_of_many_phones_at_once_exactly_one_takes_hold(
    installation: Installation, checkout: Checkout
) -> None:
    phones = [Phone(installation, checkout) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda each: each.get().status_code, phones))
    assert sorted(statuses) == [200] + [409] * 7


def test_a_code_that_is_over_has_a_page_with_a_way_out(phone: Phone, new_phone: Callable[[], Phone]) -> None:
    phone.get()
    phone.installation.clock.pass_(seconds=901)
    for each, page in ((phone, ""), (phone, "/phone"), (new_phone(), "")):
        answer = each.get(page)
        assert answer.status_code == 410
        assert "付款码已过期" in answer.text
        assert "请商家重新出示二维码" in answer.text


def test_a_form_that_comes_after_the_end_has_no_effect(phone: Phone) -> None:
    phone.get("/phone")
    phone.installation.clock.pass_(seconds=901)
    assert phone.post("/phone", {"phone": "13800138000"}).status_code == 410
    assert phone.installation.sms.messages == []


def test_a_cancelled_payment_says_so_to_its_phone_and_to_any_other(
    installation: Installation, phone: Phone, new_phone: Callable[[], Phone]
) -> None:
    phone.get()
    with installation.deps.storage.unit_of_work() as uow:
        cancel_checkout(uow, installation.deps, installation.caller, phone.checkout.id)
    for each in (phone, new_phone()):
        answer = each.get("/apply")
        assert answer.status_code == 410
        assert "商家已取消这笔付款" in answer.text


def test_an_unknown_code_has_a_page(installation: Installation) -> None:
    answer = installation.client.get("/p/nosuchtoken")
    assert answer.status_code == 404
    assert "not_found" in answer.text


def test_every_state_has_a_page_or_an_end(checkout: Checkout, installation: Installation) -> None:
    """A state without either would be a bare error on a phone."""
    ended = {CheckoutStatus.EXPIRED: 410, CheckoutStatus.CANCELLED: 410, CheckoutStatus.VOIDED: 410}
    for status in CheckoutStatus:
        stands = replace(checkout, status=status)
        if status in PAGES:
            refuse_if_ended(stands, installation.clock.now())
            assert step_for(status, PAGES[status][0]) == PAGES[status][0]
            continue
        with pytest.raises(DomainError) as refused:
            refuse_if_ended(stands, installation.clock.now())
        assert status_for(refused.value) == ended[status]
        assert refused.value.code in WORDS


@pytest.mark.parametrize("page", list(Page))
def test_a_page_at_the_wrong_step_leads_to_the_right_one(phone: Phone, page: Page) -> None:
    phone.sign()
    path = "" if page == Page.START else f"/{page}"
    answer = phone.get(path)
    if page == Page.DONE:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.headers["Location"]) == (303, f"{phone.home}/done")


@pytest.mark.parametrize("page", ["/decision", "/plan", "/agreement", "/sign", "/done"])
def test_nobody_jumps_ahead(phone: Phone, page: str) -> None:
    phone.get("/phone")
    assert phone.get(page).headers["Location"] == phone.home
    assert phone.post(page).status_code in (303, 405)
    assert phone.status == "opened"


def test_an_application_without_a_verified_number_is_sent_back_to_it(phone: Phone) -> None:
    phone.get("/phone")
    answer = phone.fill("/apply", name="王小明", id_number="110101199003077651",
                        consent=["identity_check", "credit_report", "terms"])  # fmt: skip
    assert answer.headers["Location"] == f"{phone.home}/phone"
    assert phone.status == "opened"


def test_the_hold_is_kept_in_a_cookie_that_scripts_and_other_sites_cannot_read(phone: Phone) -> None:
    cookie = phone.client.get(phone.home).headers["Set-Cookie"]
    for part in ("fenqi_phone=", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie
    assert len(cookie.split("=")[1].split(";")[0]) >= 43


def test_a_cookie_of_nonsense_is_replaced(phone: Phone) -> None:
    phone.client.set_cookie("fenqi_phone", "short")
    assert "fenqi_phone=" in phone.client.get(phone.home).headers["Set-Cookie"]
    assert phone.get("/phone").status_code == 200


def test_a_phone_whose_first_answers_are_lost_still_takes_hold(phone: Phone) -> None:
    """It holds nothing before it has shown that it kept the cookie, so a lost answer leaves the code free."""
    for _ in range(3):
        lost = phone.installation.client.get(phone.home)
        assert (lost.status_code, lost.headers["Location"]) == (303, f"{phone.home}?cookie=1")
        assert phone.status == "created"
    answer = phone.client.get(phone.home)
    assert phone.client.get(answer.headers["Location"]).status_code == 200
    assert phone.status == "opened"
    assert phone.client.get(phone.home).status_code == 200


def test_the_answer_to_the_claim_may_be_lost_too(phone: Phone) -> None:
    answer = phone.client.get(phone.home)
    phone.client.get(answer.headers["Location"])
    assert phone.client.get(answer.headers["Location"]).status_code == 200


def test_a_browser_without_cookies_is_told_what_to_do(installation: Installation, checkout: Checkout) -> None:
    browser = installation.app.test_client(use_cookies=False)
    first = browser.get(f"/p/{checkout.token}/phone")
    assert first.headers["Location"] == f"/p/{checkout.token}?cookie=1"
    told = browser.get(first.headers["Location"])
    assert told.status_code == 422
    assert "cookies_needed" in told.text and "允许此页面使用 Cookie" in told.text
    assert installation.now(checkout).status == CheckoutStatus.CREATED


def test_an_agreement_that_was_not_confirmed_sends_no_code(phone: Phone) -> None:
    phone.apply()
    phone.choose()
    phone.get("/agreement")
    phone.installation.clock.pass_(seconds=11)
    refused = phone.post("/agreement")
    assert refused.status_code == 422 and "请确认您已阅读合同" in refused.text
    assert len(phone.installation.sms.messages) == 1
