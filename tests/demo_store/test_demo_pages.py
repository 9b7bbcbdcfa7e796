"""Every page: strict headers, one heading, its language, a token in every form, and no text left untranslated."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

import demo_store
from tests.demo_store.browser import Demo

ROOT = Path(demo_store.__file__).parent
TEXTS = ROOT / "texts" / "zh_Hans_CN" / "LC_MESSAGES"


def _paths(demo: Demo) -> list[str]:
    web, till = demo.pay_cart(), demo.till_sale()
    return [
        "/",
        "/products/phone",
        "/cart",
        "/orders",
        f"/orders/{web.id}",
        "/nowhere",
        "/till",
        "/till?amount=100",
        f"/till/sales/{till.id}",
        f"/till/sales/{till.id}/receipt",
    ]


def test_every_page_has_one_heading_a_language_and_a_strict_policy(demo: Demo) -> None:
    for path in _paths(demo):
        for tag in ("en", "zh-CN"):
            answer = demo.browser.get(path + ("&" if "?" in path else "?") + f"lang={tag}")
            assert len(re.findall(r"<h1[ >]", answer.text)) == 1, path
            assert f'<html lang="{tag}">' in answer.text, path
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'self'") and "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "<title>" in answer.text and answer.content_language is not None


def test_no_page_carries_inline_script_or_style(demo: Demo) -> None:
    for path in _paths(demo):
        page = demo.browser.get(path).text
        assert not re.search(r"\sstyle=|<style|\son\w+=", page), path
        for script in re.findall(r"<script[^>]*>", page):
            assert " src=" in script or 'type="application/json"' in script, path


def test_nothing_on_a_page_is_fetched_from_elsewhere(demo: Demo) -> None:
    for path in _paths(demo):
        for address in re.findall(
            r'<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"', demo.browser.get(path).text
        ):
            assert address.startswith("/"), address
            with demo.browser.get(address) as answer:
                assert answer.status_code == 200, address


def test_every_form_that_posts_carries_a_token(demo: Demo) -> None:
    for path in _paths(demo):
        for form in re.findall(r'<form[^>]*method="post".*?</form>', demo.browser.get(path).text, re.DOTALL):
            assert 'name="csrf_token"' in form, path


def test_every_post_without_a_token_is_refused_but_the_webhook(demo: Demo) -> None:
    posts = {rule.rule for rule in demo.app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert "/pay" in posts and "/till/sales" in posts
    for rule in posts - {"/webhooks/fenqi"}:
        answer = demo.browser.post(rule.replace("<order_id>", "x"))
        assert answer.status_code == 400 and "too old" in answer.text, rule


def test_the_session_cookie_is_this_shops_own_and_stays_at_home(demo: Demo) -> None:
    cookie = demo.post("/cart", {"sku": "phone"}).headers["Set-Cookie"]
    assert cookie.startswith("xiaoman_session=") and "SameSite=Lax" in cookie and "HttpOnly" in cookie


@pytest.mark.parametrize(
    ("wish", "tag"),
    [
        ("zh-CN,zh;q=0.9", "zh-CN"),
        ("zh-TW", "zh-CN"),
        ("en-GB,en;q=0.8,zh;q=0.5", "en"),
        ("fr", "zh-CN"),
        ("", "zh-CN"),
    ],
)
def test_the_language_follows_the_browser_until_the_switch_is_used(demo: Demo, wish: str, tag: str) -> None:
    assert f'<html lang="{tag}">' in demo.browser.get("/", headers={"Accept-Language": wish}).text
    demo.browser.get("/?lang=en", headers={"Accept-Language": wish})
    assert '<html lang="en">' in demo.browser.get("/", headers={"Accept-Language": wish}).text


def test_no_message_lacks_a_chinese_text_and_none_is_left_over() -> None:
    keywords = dict(DEFAULT_KEYWORDS) | {"lazy_gettext": None}
    methods = [("**.py", "python"), ("templates/**.html", "jinja2")]
    used = {message for _, _, message, _, _ in extract_from_dir(ROOT, methods, keywords=keywords)}
    with (TEXTS / "messages.po").open("rb") as file:
        catalog = read_po(file, locale="zh_Hans_CN")
    translated = {message.id: message.string for message in catalog if message.id}
    assert {message for message in used if not translated.get(message)} == set()
    assert set(translated) - used == set()
    for key, text in translated.items():
        assert set(re.findall(r"%\(\w+\)s", key)) == set(re.findall(r"%\(\w+\)s", text)), key


def test_the_compiled_texts_are_those_of_the_source() -> None:
    with (TEXTS / "messages.po").open("rb") as file:
        catalog = read_po(file, locale="zh_Hans_CN")
    compiled = BytesIO()
    write_mo(compiled, catalog)
    assert compiled.getvalue() == (TEXTS / "messages.mo").read_bytes()


def test_the_chinese_pages_speak_chinese(demo: Demo) -> None:
    page = demo.browser.get("/?lang=zh-CN").text
    assert "小满商店" in page and "禾光 X2 手机" in page and "¥3,999.00" in page and "Xiaoman" not in page


def test_every_product_has_its_own_drawing() -> None:
    drawings = {path.stem: path.read_text() for path in (ROOT / "static" / "products").glob("*.svg")}
    assert len(set(drawings.values())) == len(drawings) >= 8
    assert all(
        "style=" not in text and "http" not in text.replace("http://www.w3.org", "")
        for text in drawings.values()
    )
