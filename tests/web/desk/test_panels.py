"""What each panel shows of a sale, on both engines."""

import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from fenqi.finance.money import Money

from merchant_server.domain.errors import Unauthenticated
from merchant_server.ports import BankBooking, CallbackTry, Sent, SentCallback, TextMessage
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.collection.ordering import open_own_order
from merchant_server.services.operation import desk as desk_service
from merchant_server.services.operation import webhooks
from merchant_server.services.operation.test_clock import advance_clock
from tests.installation import ID_NUMBER, NAME, START, Installation
from tests.web.desk.visitor import Desk


def next_month(house: Installation) -> None:
    with house.deps.storage.unit_of_work() as uow:
        advance_clock(uow, house.deps, house.caller, months=1)
    house.work()


def listen(house: Installation) -> None:
    with house.deps.storage.unit_of_work() as uow:
        draft = {"url": "http://127.0.0.1:9/hook", "events": ["*"]}
        webhooks.create_endpoint(uow, house.deps, house.caller, draft)


@pytest.mark.parametrize(
    ("language", "said"), [("en", "bank and text message here is invented"), ("zh-CN", "都是虚构的")]
)
def test_the_page_says_first_that_everything_is_invented(desk: Desk, language: str, said: str) -> None:
    page = desk.page(language)
    assert f'<html lang="{language}">' in page
    assert page.index(said) < page.index("<h1>")


def test_an_installation_without_any_sale_has_no_empty_boxes(desk: Desk) -> None:
    for name, said in {
        "inbox": "No text message was sent yet",
        "loans": "No agreement was signed yet",
        "bank": "Nothing was deducted yet",
        "books": "Nothing is booked yet",
        "events": "Nothing happened yet",
        "aside": "None. A forged callback",
    }.items():
        assert said in desk.panel(name)


def test_the_newest_text_comes_first_with_its_code_apart(desk: Desk) -> None:
    desk.installation.sell()
    desk.deliver_texts()
    code = desk.installation.last_code()
    page = desk.page()
    assert re.findall(r'<p class="code">(\d{6})</p>', page)[0] == code
    assert "138 0013 8000" in desk.panel("inbox")


def test_an_amount_of_more_or_fewer_digits_is_no_code(desk: Desk) -> None:
    text = "You pay CNY 1234567 or 12345; nothing to type."
    desk.window.messages = [TextMessage(1, "ref_0001", "+8613800138000", text, START)]
    assert 'class="code"' not in desk.page()


def test_only_the_newest_texts_are_shown(desk: Desk) -> None:
    texts = [TextMessage(n, f"ref_{n:04d}", "+8613800138000", f"number {n}", START) for n in range(1, 500)]
    desk.window.messages = texts
    assert desk.page().count('<li class="message') == desk_service.MESSAGES_MAX


def test_the_clock_shows_the_business_date_of_the_shop(desk: Desk) -> None:
    next_month(desk.installation)
    panel = desk.panel("clock")
    assert "December 21, 2026" in panel
    assert "days ahead of the real day: 30" in panel
    assert "2026年12月21日" in desk.panel("clock", "zh-CN")


def test_a_loan_is_a_strip_of_as_many_boxes_as_it_has_installments(desk: Desk) -> None:
    desk.installation.sell()
    next_month(desk.installation)
    page = desk.page()
    boxes = re.findall(r'<rect class="cell (\w+)"', page)
    assert boxes == ["paid"] + ["scheduled"] * 11
    panel = desk.panel("loans")
    assert "order-1001" in panel and "paid 1 · scheduled 11" in panel
    assert 'aria-label="paid 1, scheduled 11"' in page


def test_a_run_of_deductions_is_a_bar_of_what_was_settled_failed_and_is_open(desk: Desk) -> None:
    desk.installation.sell(account="0001")
    desk.installation.sell(account="0005", reference="order-1002")
    next_month(desk.installation)
    page = desk.page()
    assert re.findall(r'<rect class="(\w+) cell" x="(\d+)" y="0" width="(\d+)"', page) == [
        ("paid", "0", "100"),
        ("overdue", "100", "100"),
    ]
    assert "2 of 2 answered" in desk.panel("bank") and "settled 1 · failed 1 · open 0" in desk.panel("bank")


def test_a_payment_at_the_banks_page_is_listed_as_it_stands(desk: Desk) -> None:
    house = desk.installation
    assert "Payments at the bank" not in desk.panel("bank")
    sold = house.sell()
    assert sold.consumer_id
    open_own_order(house.deps, sold.consumer_id, str(sold.loan_id), Money(10_000, "CNY"))
    listed = desk.panel("bank").partition("Payments at the bank")[2]
    assert "¥100.00" in listed and "requested" in listed
    (order,) = house.rows("SELECT token FROM payment_orders")
    assert order["token"] not in desk.page()


def test_what_cannot_be_collected_is_shown_as_overdue_and_crossed_out(desk: Desk) -> None:
    desk.installation.sell(account="0005")
    next_month(desk.installation)
    next_month(desk.installation)
    assert "overdue 1" in desk.panel("loans")
    assert '<path class="cross"' in desk.page()


def test_the_bank_shows_each_deduction_with_its_callbacks_and_every_try(desk: Desk) -> None:
    desk.installation.sell()
    with desk.installation.deps.storage.reading() as uow:
        mandate = uow.mandates.latest(1)[0]
    amount = Money(35_531, "CNY")
    desk.window.deductions = [BankBooking("ded_0001", mandate.id, amount, "succeeded", "", START)]
    tries = (
        CallbackTry(START, True, 401, "not acknowledged"),
        CallbackTry(START, False, 0, "ConnectionError"),
        CallbackTry(START, False, 200, ""),
    )
    sent = SentCallback("bev_0001", 0, "deduction.succeeded", "ded_0001", "delivered", tries)
    desk.window.callbacks = [sent, replace(sent, copy=1, state="dropped", tries=())]
    panel = desk.panel("bank")
    assert "CN¥355.31" in panel and "·· 0001" in panel
    assert "forged 401 ConnectionError 200" in panel
    assert "copy 2" in panel and "dropped by a fault" in panel
    assert desk.page().count('action="/desk/callbacks/') == 1


def test_the_books_sum_to_zero_and_the_checker_says_so(desk: Desk) -> None:
    desk.installation.sell()
    panel = desk.panel("books")
    assert "Every law holds" in panel
    assert panel.index("Loans: principal owed") < panel.index("Sum CN¥0.00")
    assert "Agreement signed" in panel and "Sale captured" in panel


def test_accounts_of_one_kind_are_one_line_with_their_number(desk: Desk) -> None:
    desk.installation.sell(Money(100_000, "CNY"))
    desk.installation.clock.pass_(minutes=10)
    desk.installation.sell(Money(200_000, "CNY"), reference="order-1002")
    assert "Loans: principal owed × 2" in desk.panel("books")
    assert "CN¥3,000.00" in desk.panel("books")


def test_a_broken_law_is_told_by_name(desk: Desk) -> None:
    sold = desk.installation.sell()
    engine = desk.installation.engine
    with engine.transaction() as connection:
        connection.execute("UPDATE loans SET paid_minor = 1 WHERE id = :id", {"id": sold.loan_id})
    panel = desk.panel("books")
    with engine.transaction() as connection:
        connection.execute("UPDATE loans SET paid_minor = 0 WHERE id = :id", {"id": sold.loan_id})
    assert "A law of the house is broken" in panel and "Every law holds" not in panel
    assert str(sold.loan_id) in panel


def test_events_show_whether_they_arrived(desk: Desk) -> None:
    house = desk.installation
    listen(house)
    house.sender.answers = [Sent(500, 0.1, "HTTP 500"), Sent(200, 0.1)]
    house.checkout()
    assert "checkout.created" in desk.panel("events") and "pending" in desk.panel("events")
    house.work()
    assert "delivered 200" in desk.panel("events")


def test_a_delivery_that_fails_shows_its_try_its_reason_and_the_next_time(desk: Desk) -> None:
    house = desk.installation
    listen(house)
    house.sender.default = Sent(500, 0.1, "HTTP 500")
    house.checkout()
    house.work()
    panel = desk.panel("events")
    assert re.search(r"pending try \d: HTTP 500\s?, again at Nov 21, 2026", panel)


def test_a_delivery_to_a_closed_endpoint_is_given_up(desk: Desk) -> None:
    house = desk.installation
    listen(house)
    house.sender.default = Sent(410, 0.1, "HTTP 410")
    house.checkout()
    house.work()
    assert "given up" in desk.panel("events")


def test_without_an_endpoint_nobody_listens(desk: Desk) -> None:
    desk.installation.checkout()
    assert "nobody listens" in desk.panel("events")


def test_a_forged_callback_is_listed_and_moves_nothing(desk: Desk) -> None:
    house = desk.installation
    body, headers = house.bank.signed({"kind": "deduction.succeeded"}, "bev_0001", house.clock.now())
    with pytest.raises(Unauthenticated):
        receive(house.deps, body + b" ", headers)
    assert "forged the signature does not match" in desk.panel("aside")
    assert "签名不符" in desk.panel("aside", "zh-CN")
    assert "Nothing is booked yet" in desk.panel("books")


def test_a_genuine_callback_that_fits_nothing_is_listed_as_quarantined(desk: Desk) -> None:
    house = desk.installation
    body, headers = house.bank.signed(
        {
            "gateway_account": house.bank.gateway_account, "mode": "test", "kind": "deduction.succeeded",
            "reference": "ded_unknown", "mandate_reference": "mnd_unknown", "status": "succeeded", "code": "",
            "amount": {"minor": 100, "currency": "CNY"}, "occurred_at": house.clock.now().isoformat(),
        },
        "bev_0002", house.clock.now(),
    )  # fmt: skip
    assert receive(house.deps, body, headers).outcome == "quarantined"
    assert "quarantined we never asked for this" in desk.panel("aside")


def test_everybody_who_can_be_refused_is_in_the_table(desk: Desk) -> None:
    panel, chinese = desk.panel("magic"), desk.panel("magic", "zh-CN")
    for each in desk.window.magic():
        assert each.value[-4:] in panel
    assert "owes too much elsewhere" in panel and "负债过高" in chinese


def test_a_silent_sandbox_is_told_and_the_rest_goes_on(desk: Desk) -> None:
    desk.installation.sell()
    desk.window.down = True
    for name in ("inbox", "faults", "bank", "magic"):
        assert "The sandbox does not answer" in desk.panel(name)
    assert "order-1001" in desk.panel("loans") and "Every law holds" in desk.panel("books")


def test_nobody_who_signed_is_named(desk: Desk) -> None:
    desk.installation.sell()
    for language in ("en", "zh-CN"):
        page = desk.page(language)
        assert NAME not in page and ID_NUMBER not in page


class SlowClock:
    """Real as the installation's clock, but every look at it takes a second."""

    def __init__(self, house: Installation) -> None:
        self._house, self._looks = house, 0

    def now(self) -> datetime:
        """Return the present, a second later than at the last look."""
        self._looks += 1
        return self._house.clock.now() + timedelta(seconds=self._looks)

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self._house.clock.sleep(seconds)


def test_long_books_are_not_read_at_every_look(installation: Installation) -> None:
    """Books that take seconds to read rest for twenty times as long."""
    reader = desk_service.BooksReader(replace(installation.deps, clock=SlowClock(installation)))
    first = reader.read()
    installation.clock.pass_(seconds=5)
    assert reader.read() is first
    installation.clock.pass_(seconds=60)
    assert reader.read() is not first
