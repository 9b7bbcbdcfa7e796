"""An installment paid at the counter: one form is one link, shown as a QR while it can be paid."""

from datetime import timedelta
from threading import Thread

import pytest
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from tests.browsers import look
from tests.demo_store.browser import Demo, field


@pytest.fixture
def receipt(demo: Demo) -> str:
    """The path of a sale's receipt, its loan signed."""
    order = demo.till_sale(plans_shown="1", plan_ids=["p12"])
    demo.server.advance(order.checkout_id, to="captured")
    demo.deliver(demo.event("checkout.captured", order.id))
    return f"/till/sales/{order.id}/receipt"


def ask(demo: Demo, receipt: str, **form: str) -> str:
    form = {"form_token": field(demo.browser.get(receipt).text, "form_token")} | form
    answer = demo.post(receipt.replace("receipt", "payments"), form, page=receipt)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def test_the_next_installment_is_shown_with_its_qr_and_one_form_is_one_link(demo: Demo, receipt: str) -> None:
    page = ask(demo, receipt, form_token="f")
    assert ask(demo, receipt, form_token="f") == page
    assert ask(demo, receipt, form_token="g") != page
    shown = demo.browser.get(page).text
    loan = demo.parts.client.loans.retrieve(demo.last_order().loan_id)
    assert f"{loan.installments[0].total.minor / 100:.2f}" in shown
    assert "QR code of this payment" in shown and "Nobody has scanned it yet." in shown


def test_a_link_that_is_over_shows_no_qr(demo: Demo, receipt: str) -> None:
    page = ask(demo, receipt)
    demo.server.clock.advance(timedelta(hours=1))
    shown = demo.browser.get(page).text
    assert "This QR is over" in shown and "<svg" not in shown


def test_a_sale_without_a_loan_and_a_strange_link_are_not_found(demo: Demo, receipt: str) -> None:
    assert demo.browser.get(receipt.replace("receipt", "payments/pay_x")).status_code == 404
    open_sale = demo.till_sale("100.00")
    answer = demo.post(f"/till/sales/{open_sale.id}/payments", page="/till")
    assert answer.status_code == 404
    assert "Take an installment" not in demo.browser.get(f"/till/sales/{open_sale.id}/receipt").text


def test_a_silent_fenqi_is_told_and_makes_no_link(demo: Demo, receipt: str) -> None:
    token = demo.csrf(receipt)
    demo.server.fail_next(503)
    answer = demo.browser.post(receipt.replace("receipt", "payments"), data={"csrf_token": token})
    assert answer.status_code == 503


@pytest.mark.parametrize(("language", "width"), [("zh-CN", 390), ("en", 1280)])
def test_the_page_breaks_no_rule_of_axe_and_fits_the_screen(
    demo: Demo, receipt: str, browser: Browser, language: str, width: int
) -> None:
    page_path = ask(demo, receipt)
    server = make_server("127.0.0.1", 0, demo.app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    context = browser.new_context(locale=language, viewport={"width": width, "height": 844})
    try:
        for path in (page_path, receipt):
            page = context.new_page()
            page.goto(f"http://127.0.0.1:{server.port}{path}")
            look(page)
    finally:
        context.close()
        server.shutdown()
        thread.join()
        server.server_close()
