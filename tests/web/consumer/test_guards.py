"""What stands around every page: headers, cookies, CSRF, no inline code, and pages for errors in both languages."""

import re
from pathlib import Path

import pytest

from merchant_server.app import build_app
from merchant_server.web import consumer
from merchant_server.web.consumer.steps import Page
from tests.installation import Installation
from tests.web.consumer.phone import Phone

FORMS = [path for _, path, _, taken in consumer.ROUTES if taken]
INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|javascript:", re.IGNORECASE)


def test_the_list_of_forms_is_not_empty() -> None:
    assert FORMS == ["/phone", "/code", "/apply", "/decision", "/plan", "/agreement", "/sign"]


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}],
)
def test_a_form_from_another_site_is_refused_on_every_route(
    phone: Phone, path: str, headers: dict[str, str]
) -> None:
    """Even with a valid CSRF token."""
    phone.get("/phone")
    answer = phone.post(path, {"phone": "13800138000"}, **headers)
    assert answer.status_code == 403
    assert "foreign_form" in answer.text
    assert phone.installation.sms.messages == []


@pytest.mark.parametrize("path", FORMS)
def test_a_form_without_its_token_is_refused_on_every_route(phone: Phone, path: str) -> None:
    phone.get("/phone")
    phone.hidden = {}
    answer = phone.post(path, {"phone": "13800138000"})
    assert answer.status_code == 400
    assert "form_expired" in answer.text
    assert phone.installation.sms.messages == []


def test_a_form_of_our_own_passes_with_the_headers_that_browsers_send(phone: Phone) -> None:
    phone.get("/phone")
    for headers in ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, {"Origin": "http://localhost"}, {}):
        assert phone.post("/phone", {"phone": "13800138000"}, **headers).status_code == 303


def _every_page(phone: Phone) -> dict[str, str]:
    """Return the text of each page, taken on the way; errors and refused forms among them."""
    pages = {"start": phone.get().text, "phone": phone.get("/phone").text}
    pages["phone refused"] = phone.post("/phone", {"phone": "1"}).text
    phone.fill("/phone", phone="13800138000")
    pages["code"] = phone.get("/code").text
    phone.post("/code", {"code": phone.installation.last_code()})
    pages["apply"] = phone.get("/apply").text
    phone.post("/apply", {"name": "王小明", "id_number": "110101199003077651",
                          "consent": ["identity_check", "credit_report", "terms"]})  # fmt: skip
    pages["plan"] = phone.get("/plan").text
    phone.choose()
    pages["agreement"] = phone.get("/agreement").text
    phone.read()
    pages["sign"] = phone.get("/sign").text
    phone.post("/sign", {"code": phone.installation.last_code()})
    pages["done"] = phone.get("/done").text
    other = Phone(phone.installation, phone.checkout)
    pages["error"] = other.get().text
    declined = Phone(phone.installation, phone.installation.checkout())
    phone.installation.clock.pass_(minutes=11)
    declined.apply("110101199003079104")
    pages["decision"] = declined.get("/decision").text
    return pages


def test_no_page_has_inline_script_or_style_or_anything_from_elsewhere(phone: Phone) -> None:
    pages = _every_page(phone)
    assert set(Page) <= set(pages)
    for name, text in pages.items():
        assert not INLINE.search(text), name
        for address in re.findall(r'(?:src|href)="([^"]+)"', text):
            own = address.startswith(("/", "?", "#")) and not address.startswith("//")
            assert own or address == "https://store.example/orders/1001", (name, address)


def test_every_page_and_error_carries_the_security_headers(phone: Phone) -> None:
    phone.sign()
    other = Phone(phone.installation, phone.checkout)
    browser = {"Accept": "text/html,*/*;q=0.8"}
    answers = [phone.get(), phone.get("/done"), other.get(), phone.client.get("/p/nosuch")]
    answers += [phone.client.put(phone.home, headers=browser), phone.get("/no/such/page", **browser)]
    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        for part in ("default-src 'self'", "form-action 'self'", "base-uri 'none'", "object-src 'none'"):
            assert part in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Permissions-Policy" in answer.headers
        assert answer.headers["Request-Id"].startswith("req_")
    assert "frame-ancestors 'none'" in phone.get("/agreement.pdf").headers["Content-Security-Policy"]


def test_behind_https_the_cookies_are_bound_to_this_host(installation: Installation) -> None:
    app = build_app(installation.deps, secret_key=b"w" * 32, secure=True)
    phone = Phone(installation, installation.checkout(), app.test_client())
    cookies = phone.client.get(phone.home, base_url="https://pay.example").headers.getlist("Set-Cookie")
    cookies += phone.client.get(f"{phone.home}/phone", base_url="https://pay.example").headers.getlist(
        "Set-Cookie"
    )
    assert {cookie.split("=")[0] for cookie in cookies} == {"__Host-fenqi_phone", "__Host-fenqi_session"}
    for cookie in cookies:
        assert "Secure" in cookie
        assert "HttpOnly" in cookie
        assert "Path=/" in cookie
        assert "SameSite=Lax" in cookie
        assert "Domain" not in cookie


def test_an_error_page_says_what_to_do_in_both_languages_and_names_its_request(phone: Phone) -> None:
    phone.get()
    answer = Phone(phone.installation, phone.checkout).get()
    assert "此付款码已在另一部手机" in answer.text
    assert "This code is already open on another phone" in answer.text
    assert "409 checkout_claimed" in answer.text
    assert answer.headers["Request-Id"] in answer.text


def test_a_browser_that_is_lost_gets_a_page_and_a_program_gets_a_problem(phone: Phone) -> None:
    lost = phone.get("/no/such/page", Accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert (lost.status_code, lost.mimetype) == (404, "text/html")
    refused = phone.client.delete(phone.home, headers={"Accept": "text/html"})
    assert (refused.status_code, refused.mimetype) == (405, "text/html")
    assert "GET" in refused.headers["Allow"]
    for headers in ({}, {"Accept": "application/json"}, {"Accept": "*/*"}):
        assert phone.client.get("/nowhere", headers=headers).mimetype == "application/problem+json"


def test_the_assets_are_served_and_fetch_nothing_from_elsewhere(installation: Installation) -> None:
    folder = Path(consumer.__file__).parents[1] / "static"
    for file in sorted(folder.glob("fenqi*")):
        with installation.client.get(f"/assets/{file.name}") as answer:
            assert answer.status_code == 200
            text = re.sub(r'xmlns="[^"]+"', "", answer.text)
        assert "http:" not in text
        assert "https:" not in text
        assert "@import" not in text
