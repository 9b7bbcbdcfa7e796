"""What the pages' scripts add to the evidence: that the end was scrolled into sight, and a signature drawn by hand."""

import io
import json
import zipfile
from typing import Any

from playwright.sync_api import Browser, expect

from merchant_server.domain.checkout import Checkout
from tests.installation import Installation
from tests.web.consumer.test_with_a_browser import PHONE, Walk, address

__all__ = ["address"]


def events(walk: Walk) -> dict[str, Any]:
    """Return the records of the signed agreement by their names."""
    answer = walk.page.request.get(f"{walk.home}/evidence.zip")
    with zipfile.ZipFile(io.BytesIO(answer.body())) as bundle:
        return {each["action"]: each for each in json.loads(bundle.read("consent.json"))["events"]}


def draw(walk: Walk) -> None:
    """Draw a stroke with the pointer."""
    canvas = walk.page.locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    mouse = walk.page.mouse
    mouse.move(box["x"] + 20, box["y"] + 60)
    mouse.down()
    for step in range(1, 20):
        mouse.move(box["x"] + 20 + step * 12, box["y"] + 60 + (step % 5) * 6)
    mouse.up()


def test_scrolling_and_drawing_are_told_and_a_wrong_code_loses_no_drawing(
    installation: Installation, checkout: Checkout, address: str, browser: Browser
) -> None:
    context = browser.new_context(viewport=PHONE)
    walk = Walk(installation, checkout, address, context)
    walk.to_the_agreement(axe=False)
    installation.clock.pass_(seconds=11)
    walk.page.reload()
    field = walk.page.locator("input[name=scrolled]")
    assert field.input_value() == "0"
    walk.page.locator("main form").scroll_into_view_if_needed()
    expect(field).to_have_value("1")
    walk.page.locator("#confirmed").check()
    walk.send()
    draw(walk)
    walk.look()
    drawn = walk.page.locator("input[name=stroke]").input_value()
    assert json.loads(drawn) and len(drawn) < 20_000
    walk.page.locator("#code").fill("000000")
    walk.send()
    assert walk.page.locator("input[name=stroke]").input_value() == drawn
    walk.look()
    walk.page.locator("#code").fill(installation.last_code())
    walk.send()
    told = events(walk)
    assert told["agreement.read"]["detail"].items() >= {"scrolled_to_end": True, "confirmed": True}.items()
    assert told["code.used"]["personal"]["stroke"] == json.dumps(json.loads(drawn), separators=(",", ":"))
    context.close()


def test_a_cleared_drawing_is_no_drawing_and_without_scripts_there_is_no_field(
    installation: Installation, checkout: Checkout, address: str, browser: Browser
) -> None:
    context = browser.new_context(viewport=PHONE)
    walk = Walk(installation, checkout, address, context)
    walk.to_the_agreement(axe=False)
    installation.clock.pass_(seconds=11)
    walk.page.reload()
    walk.page.locator("#confirmed").check()
    walk.send()
    draw(walk)
    walk.page.get_by_role("button", name="清除重写").click()
    assert walk.page.locator("input[name=stroke]").input_value() == ""
    bare = browser.new_context(viewport=PHONE, java_script_enabled=False)
    bare.add_cookies(context.cookies())
    page = bare.new_page()
    page.goto(f"{walk.home}/sign")
    assert not page.locator("canvas").is_visible() and page.locator("#code").is_visible()
    page.locator("#code").fill(installation.last_code())
    page.locator("main form .button").first.click()
    page.wait_for_url("**/done")
    told = events(walk)
    assert "stroke" not in told["code.used"]["personal"]
    bare.close()
    context.close()
