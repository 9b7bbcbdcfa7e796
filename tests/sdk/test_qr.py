"""QR codes carry their text exactly: what we draw, an independent reader reads."""

import io
import xml.etree.ElementTree as ET

import pytest
import zxingcpp
from fenqi import qr
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

LINK = "https://shop.example/p/3f9c2a7d5e8b41f0a6c4d2e1b0f9a8c7"
SVG = "{http://www.w3.org/2000/svg}"


def read(image):
    (found,) = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)
    return found.bytes.decode()


def drawn(svg, scale=4):
    """Draw an SVG of ours: its path is rectangles of one module's height."""
    root = ET.fromstring(svg)
    side = int(root.get("viewBox").split()[2])
    image = Image.new("L", (side * scale, side * scale), 255)
    draw = ImageDraw.Draw(image)
    for run in root.find(f"{SVG}path").get("d").split("M")[1:]:
        corner, rest = run.split("h", 1)
        x, y = map(int, corner.split())
        width = int(rest.split("v")[0])
        draw.rectangle([x * scale, y * scale, (x + width) * scale - 1, (y + 1) * scale - 1], fill=0)
    return image


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
    assert [child.tag for child in root] == [f"{SVG}title", f"{SVG}rect", f"{SVG}path"]
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
    assert dark.translate(swap) == light


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
