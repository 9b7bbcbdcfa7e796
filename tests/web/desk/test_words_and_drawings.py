"""The desk's texts are complete in both languages, and its drawings stay inside their frames."""

import io
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from fenqi.finance.money import Money
from hypothesis import given
from hypothesis import strategies as st

import merchant_server.web
from merchant_server.domain.deduction import DeductionStatus, MandateStatus
from merchant_server.domain.event import DeliveryStatus
from merchant_server.domain.installment import Installment, InstallmentStatus
from merchant_server.domain.loan import LoanStatus
from merchant_server.domain.payment_order import PaymentOrderStatus
from merchant_server.web.portal.drawings import CELL_HEIGHT, HALF_BAR, bar, strip, strip_width
from merchant_server.web.portal.words import STATES, code_in, phone_words
from tests.web.desk.visitor import Desk

WEB = Path(merchant_server.web.__file__).parent
CATALOGUE = WEB / "texts" / "zh_Hans_CN" / "LC_MESSAGES" / "desk.po"


@pytest.fixture(scope="module")
def chinese() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="zh_Hans_CN", domain="desk")


def test_every_text_of_the_desk_is_translated_and_no_translation_is_left_over(chinese: Catalog) -> None:
    """To mend: pybabel extract -k say -k later, pybabel update -D desk, translate, pybabel compile -D desk."""
    found = extract_from_dir(
        str(WEB),
        [("portal/**.py", "python"), ("templates/desk/**.html", "jinja2")],
        keywords={"say": None, "later": None},
    )
    wanted = {message for _, _, message, _, _ in found}
    assert len(wanted) > 100
    assert {entry.id for entry in chinese if entry.id} == wanted


def test_no_translation_is_empty_or_drops_a_placeholder(chinese: Catalog) -> None:
    for entry in chinese:
        assert entry.string or not entry.id, entry.id
        assert list(entry.check(chinese)) == [], entry.id


def test_the_compiled_texts_are_those_of_the_source(chinese: Catalog) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, chinese)
    assert compiled.getvalue() == CATALOGUE.with_suffix(".mo").read_bytes()


def test_every_state_that_the_desk_can_show_has_words() -> None:
    shown = (
        LoanStatus,
        InstallmentStatus,
        MandateStatus,
        DeliveryStatus,
        DeductionStatus,
        PaymentOrderStatus,
    )
    named = {state.value for machine in shown for state in machine}
    assert named - set(STATES) == set()


def test_a_chinese_desk_has_no_english_word_left_in_its_buttons(desk: Desk) -> None:
    page = desk.page("zh-CN")
    for english in ("Next month", "Hold them", "Send again", "Refresh", "Pause", "Loans"):
        assert english not in page


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("【小满商店】验证码 043210，10 分钟内有效。", "043210"),
        ("Code: 123456. Tell nobody.", "123456"),
        ("CNY 1234567 is no code", ""),
        ("12345", ""),
        ("", ""),
    ],
)
def test_a_code_is_six_digits_that_stand_alone(text: str, code: str) -> None:
    assert code_in(text) == code


def test_numbers_are_grouped_as_they_are_read_out() -> None:
    assert phone_words("+8613800138000") == "138 0013 8000"
    assert phone_words("+447911123456") == "+447911123456"


def installment(number: int, status: InstallmentStatus) -> Installment:
    money = Money(100, "CNY")
    row = Installment.scheduled(
        "loan_1", number, date(2026, 12, 21), principal=money, interest=money, fee=money
    )
    return row._replace(status=status)


@given(st.lists(st.sampled_from(list(InstallmentStatus)), min_size=1, max_size=60))
def test_every_installment_has_one_box_inside_the_strip(states: list[InstallmentStatus]) -> None:
    rows = [installment(number, state) for number, state in enumerate(states, start=1)]
    boxes = strip(rows)
    assert [box.state for box in boxes] == states
    for box, following in pairwise(boxes):
        assert box.x + box.width < following.x
    for box in boxes:
        assert 0 < box.height <= CELL_HEIGHT == box.y + box.height
        assert box.x >= 0 and box.x + box.width <= strip_width(rows)


@given(st.integers(-(10**15), 10**15), st.integers(0, 10**15))
def test_a_balance_is_drawn_on_its_own_side_and_never_vanishes(minor: int, more: int) -> None:
    drawn = bar(Money(minor, "CNY"), abs(minor) + more)
    assert (drawn.width > 0) == (minor != 0)
    if minor < 0:
        assert drawn.x + drawn.width == HALF_BAR and drawn.x >= 0
    else:
        assert drawn.x == HALF_BAR and drawn.x + drawn.width <= 2 * HALF_BAR
