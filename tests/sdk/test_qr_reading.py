"""What a customer's phone meets: small, blurred, dim, tilted, printed. Three independent readers read all of it."""

import base64
import io
from pathlib import Path

import pytest
import zxingcpp
from fenqi import qr
from PIL import Image, ImageEnhance, ImageFilter

JSQR = Path(__file__).parent / "jsqr" / "jsQR-1.4.0.js"
LINKS = (
    "https://pay.example.cn/p/3f9c2a7d5e8b41f0a6c4d2",
    qr.hybrid("https://pay.example.cn/p/3f9c2a7d5e8b41f0a6c4d2", "till-7-0001"),
    "https://pay.example.cn/o/" + "7Q2M9X0C4V8B1N5ZKJHGFDSAPTRWY36E" * 5,
)


def camera(image, **more):
    """What a camera makes of it: its own raster, not ours, and the lens's softness."""
    factor = more.get("factor", 1.37)
    seen = image.resize((int(image.width * factor), int(image.height * factor)), Image.Resampling.BICUBIC)
    return seen.filter(ImageFilter.GaussianBlur(more.get("blur", 0.6)))


def shown(link, scale):
    return Image.open(io.BytesIO(qr.png(link, scale=scale))).convert("L")


def printed(link):
    """25 mm of paper in a 203 dpi printer: as many whole dots a module as fit, dots that bleed, grey paper."""
    advice = qr.size_advice(link)
    dots = max(2, 25 * 203 * 10 // 254 // (advice.modules + 8))
    code = shown(link, dots).filter(ImageFilter.GaussianBlur(0.5))
    paper = Image.new("L", (code.width + 60, code.height + 60), 255)
    paper.paste(code, (30, 30))
    return camera(ImageEnhance.Contrast(paper).enhance(0.7), factor=2.3, blur=1.2)


SIGHTS = {
    "small": lambda link: camera(shown(link, 3)),
    "middling": lambda link: camera(shown(link, 6)),
    "large": lambda link: camera(shown(link, 12), factor=0.83),
    "blurred": lambda link: camera(shown(link, 8), blur=3.2),
    "dim": lambda link: ImageEnhance.Brightness(
        ImageEnhance.Contrast(camera(shown(link, 8))).enhance(0.35)
    ).enhance(0.35),
    "tilted": lambda link: camera(shown(link, 8)).rotate(
        23, resample=Image.Resampling.BICUBIC, expand=True, fillcolor=255
    ),
    "printed": printed,
}


def by_zxing(image):
    return [found.text for found in zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)]


def by_zbar(image):
    try:
        from pyzbar import pyzbar
    except ImportError:
        pytest.fail("this test needs the zbar library: run make test, or apt install libzbar0")
    return [found.data.decode() for found in pyzbar.decode(image, symbols=[pyzbar.ZBarSymbol.QRCODE])]


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("link", LINKS, ids=["checkout", "hybrid", "offline sale"])
@pytest.mark.parametrize("reader", [by_zxing, by_zbar])
def test_a_native_reader_reads_it(reader, link, sight):
    assert reader(SIGHTS[sight](link)) == [link]


@pytest.fixture(scope="module")
def jsqr(browser):
    page = browser.new_page()
    page.add_script_tag(path=str(JSQR))

    def read(image):
        raw = image.convert("RGBA")
        return page.evaluate(
            """([pixels, width, height]) => {
                const bytes = Uint8ClampedArray.from(atob(pixels), (letter) => letter.charCodeAt(0));
                const found = jsQR(bytes, width, height);
                return found && found.data;
            }""",
            [base64.b64encode(raw.tobytes()).decode(), raw.width, raw.height],
        )

    yield read
    page.close()


@pytest.mark.parametrize("link", LINKS, ids=["checkout", "hybrid", "offline sale"])
def test_a_reader_in_a_browser_reads_it(jsqr, link):
    assert {sight: jsqr(make(link)) for sight, make in SIGHTS.items()} == dict.fromkeys(SIGHTS, link)
