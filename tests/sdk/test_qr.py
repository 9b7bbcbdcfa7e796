"""QR codes carry their text exactly: what we draw, an independent reader reads."""

import io
import re
import xml.etree.ElementTree as ET
from typing import Any
from urllib.parse import urlsplit

import pytest
import zxingcpp
from fenqi import qr
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from qrcode import constants
from qrcode.main import QRCode
from qrcode.util import MODE_8BIT_BYTE, QRData

LINK = "https://shop.example/p/3f9c2a7d5e8b41f0a6c4d2e1b0f9a8c7"
SVG = "{http://www.w3.org/2000/svg}"


def read(image):
    (found,) = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)
    return found.bytes.decode()


def drawn(svg, scale=4):
    """Draw an SVG of ours: its path is strokes one module wide, each row from its left on."""
    root = ET.fromstring(svg)
    side = int(root.get("viewBox").split()[2])
    image = Image.new("L", (side * scale, side * scale), 255)
    draw = ImageDraw.Draw(image)
    x = y = 0
    for step, first, second in re.findall(r"([Mmh])(\d+)(?: ([\d.]+))?", dark_path(root).get("d")):
        if step == "M":
            x, y = int(first), int(second.removesuffix(".5"))
            continue
        if step == "h":
            right = (x + int(first)) * scale - 1
            draw.rectangle([x * scale, y * scale, right, (y + 1) * scale - 1], fill=0)
        x += int(first)
    return image


def dark_path(root):
    _, dark = root.findall(f"{SVG}path")
    return dark


def from_blocks(text, scale=6):
    """Draw terminal output as light text on a dark ground."""
    lines = text.split("\n")
    image = Image.new("L", (len(lines[0]) * scale, len(lines) * 2 * scale), 0)
    draw = ImageDraw.Draw(image)
    for y, line in enumerate(lines):
        for x, block in enumerate(line):
            for half, blocks in ((0, "▀█"), (1, "▄█")):
                if block in blocks:
                    top = (2 * y + half) * scale
                    draw.rectangle([x * scale, top, (x + 1) * scale - 1, top + scale - 1], fill=255)
    return image


def from_rows(rows, scale=6):
    """Draw rows of "1" (dark) and "0"."""
    image = Image.new("L", (len(rows[0]), len(rows)))
    image.putdata([0 if module == "1" else 255 for row in rows for module in row])
    return image.resize((len(rows[0]) * scale, len(rows) * scale), Image.Resampling.NEAREST)


@pytest.mark.parametrize("level", qr.LEVELS)
@pytest.mark.parametrize("text", [LINK, "1234567890", "HELLO-QR 42", "分期付款 · ¥355.31", "x" * 900])
def test_every_form_reads_back_as_the_text(text, level):
    assert read(Image.open(io.BytesIO(qr.png(text, error_correction=level)))) == text
    assert read(drawn(qr.svg(text, error_correction=level))) == text
    assert read(from_blocks(qr.terminal(text, error_correction=level, border=4))) == text


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=200).filter(lambda text: text.isprintable()))
def test_any_text_reads_back(text):
    assert read(Image.open(io.BytesIO(qr.png(text)))) == text


def test_the_svg_is_one_path_with_a_name_and_no_script_or_style():
    svg = qr.svg(LINK, title='Pay <Order> "7" & go', module_px=6)
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == root.find(f"{SVG}title").text == 'Pay <Order> "7" & go'
    assert [child.tag for child in root] == [f"{SVG}title", f"{SVG}path", f"{SVG}path"]
    assert not any("style" in element.attrib for element in root.iter())
    side = 17 + 4 * qr.version(LINK) + 8
    assert root.get("viewBox") == f"0 0 {side} {side}"
    assert root.get("width") == str(side * 6)


def test_the_png_is_one_bit_deep_and_as_large_as_asked():
    image = Image.open(io.BytesIO(qr.png(LINK, scale=5, border=2)))
    assert image.mode == "1"
    assert image.size == ((17 + 4 * qr.version(LINK) + 4) * 5,) * 2


def test_a_terminal_with_a_light_ground_gets_dark_blocks():
    dark, light = qr.terminal(LINK), qr.terminal(LINK, dark_terminal=False)
    swap = str.maketrans("█ ▀▄", " █▄▀")
    # The last line is half a line: below it there is nothing of the code.
    assert dark.translate(swap).split("\n")[:-1] == light.split("\n")[:-1]


def test_a_table_for_e_mails_reads_back_and_has_no_style():
    rows = []
    for line in re.findall(r"<tr>(.*?)</tr>", qr.html(LINK))[1:]:
        cells = re.findall(r'<td(?: colspan="(\d+)")? width="\d+" height="6" bgcolor="#(\w)', line)
        rows.append("".join({"0": "1", "f": "0"}[ground] * int(span or 1) for span, ground in cells))
    assert read(from_rows(rows)) == LINK
    assert "style" not in qr.html(LINK)


def test_a_receipt_printer_gets_the_code_as_its_own_command_or_as_dots():
    native = qr.escpos(LINK, module_dots=5, error_correction="Q")
    assert native.startswith(b"\x1d(k\x04\x001A2\x00\x1d(k\x03\x001C\x05\x1d(k\x03\x001E")
    assert bytes([len(LINK) + 3, 0]) + b"1P0" + LINK.encode() in native
    assert native.endswith(b"\x1d(k\x03\x001Q0")
    raster = qr.escpos(LINK, mode="raster", module_dots=4)
    assert raster[:4] == b"\x1dv0\x00"
    width, height = int.from_bytes(raster[4:6], "little"), int.from_bytes(raster[6:8], "little")
    dots = [
        f"{int.from_bytes(raster[at : at + width], 'big'):0{width * 8}b}"
        for at in range(8, len(raster), width)
    ]
    assert len(dots) == height == (17 + 4 * qr.version(LINK) + 8) * 4
    assert read(from_rows(dots, scale=2)) == LINK


def test_the_advice_grows_with_the_distance_and_never_goes_below_four_dots():
    near, far = (qr.size_advice(LINK, reading_distance_mm=mm) for mm in (100, 1000))
    assert near.module_dots == 4 and near.module_um == 501
    assert far.side_mm >= 100 + far.module_um * 8 // 1000
    assert near.side_mm < far.side_mm
    with pytest.raises(qr.QRError, match="reading_distance_mm"):
        qr.size_advice(LINK, reading_distance_mm=0)


@settings(max_examples=25, deadline=None)
@given(
    st.text(st.characters(codec="ascii", min_codepoint=32), min_size=1, max_size=300),
    st.sampled_from(qr.LEVELS),
    st.integers(0, 7),
)
def test_every_module_is_the_one_that_the_qrcode_library_sets(text, level, mask):
    if not set(text) - set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"):
        text += "a"
    else:
        text += "z"
    made = qr.encode(text, level, mask=mask)
    code = QRCode(
        version=made.version, border=0, mask_pattern=mask,
        error_correction=getattr(constants, f"ERROR_CORRECT_{made.level}"),
    )  # fmt: skip
    code.add_data(QRData(text, mode=MODE_8BIT_BYTE), optimize=0)
    code.make(fit=False)
    assert made.rows == tuple("".join("01"[bool(module)] for module in row) for row in code.get_matrix())


def test_upper_case_takes_less_room_and_reads_back():
    token = "0123456789ABCDEFGHJKMNPQRSTVWXYZ" * 4
    text = f"https://pay.example/o/{token}"
    assert qr.version(text) < qr.version(text.lower())
    assert read(Image.open(io.BytesIO(qr.png(text)))) == text


def test_a_level_is_raised_where_it_costs_no_room():
    made = qr.encode("https://a.example/1", "L")
    assert (made.version, made.level) == (2, "Q")


def test_a_checkout_link_stays_within_version_4():
    assert qr.version("https://installments.shop.example/p/" + "x" * 22) <= 4


def test_more_correction_needs_more_room():
    assert qr.version("1") == 1
    assert qr.version(LINK, error_correction="H") > qr.version(LINK, error_correction="L")


@pytest.mark.parametrize("form", [qr.svg, qr.png, qr.terminal, qr.version])
@pytest.mark.parametrize("text", ["", None, b"bytes", "x" * 3000])
def test_an_empty_or_too_long_text_is_refused_by_name(form, text):
    with pytest.raises(qr.QRError) as refused:
        form(text)
    assert refused.value.field == "text"
    assert refused.value.allowed


@pytest.mark.parametrize(
    "bad",
    [
        lambda: qr.svg("x", error_correction="Z"),
        lambda: qr.svg("x", border=-1),
        lambda: qr.svg("x", module_px=0),
        lambda: qr.png("x", scale=1.5),
        lambda: qr.terminal("x", border=True),
    ],
)
def test_a_size_or_level_that_makes_no_code_is_refused(bad):
    with pytest.raises(qr.QRError):
        bad()


CHECKOUT = "https://pay.example.cn/p/3f9c2a7d5e8b41f0a6c4d2"


@given(st.text(min_size=1, max_size=64).filter(lambda text: text.isprintable() and text.strip()))
def test_a_hybrid_code_gives_back_the_link_and_the_number_that_it_was_made_of(reference: str) -> None:
    text = qr.hybrid(CHECKOUT, reference)
    assert qr.read_hybrid(text) == qr.Hybrid(CHECKOUT, reference)
    assert text.isascii() and urlsplit(text)._replace(fragment="").geturl() == CHECKOUT


@pytest.mark.parametrize("reference", ["", " ", "x" * 65, "a\nb", "a\u202eb", None])
def test_a_hybrid_code_takes_only_a_number_that_people_can_read(reference: Any) -> None:
    with pytest.raises(qr.QRError):
        qr.hybrid(CHECKOUT, reference)


@pytest.mark.parametrize(
    "link", ["", "pay.example.cn/p/x", "javascript:alert(1)", CHECKOUT + "#x", "https://", "https://[x", None]
)
def test_a_hybrid_code_takes_only_a_link_that_a_phone_may_open(link: Any) -> None:
    with pytest.raises(qr.QRError):
        qr.hybrid(link, "order-1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "#R=1",
        "javascript:alert(1)#R=1",
        *(CHECKOUT + end for end in ("", "#R=", "#R=%FF", "#R=%61", "#R=a b")),
    ],
)
def test_another_code_is_not_taken_for_a_hybrid_one(text: str) -> None:
    with pytest.raises(qr.QRError):
        qr.read_hybrid(text)
