"""The goods on the shelf: read from the store's database, laid there from the list below at every start."""

from dataclasses import astuple, dataclass, fields
from typing import Any

from fenqi import Money

from demo_store.database import opened, writing


@dataclass(frozen=True, slots=True)
class Product:
    """One thing for sale, described in both languages."""

    sku: str
    category: str
    price_minor: int
    name_zh: str
    name_en: str
    tagline_zh: str
    tagline_en: str
    story_zh: str
    story_en: str
    currency: str = "CNY"

    @property
    def price(self) -> Money:
        """What it costs when paid at once."""
        return Money(self.price_minor, self.currency)

    @property
    def picture(self) -> str:
        """Its drawing, as a path below static/."""
        return f"products/{self.sku}.svg"

    def name(self, language: str) -> str:
        """Return the name in "zh-CN" or "en"."""
        return self.name_zh if language == "zh-CN" else self.name_en

    def tagline(self, language: str) -> str:
        """Return the one line that goes with the name."""
        return self.tagline_zh if language == "zh-CN" else self.tagline_en

    def story(self, language: str) -> str:
        """Return the paragraph of the product page."""
        return self.story_zh if language == "zh-CN" else self.story_en


SHELF = (
    Product(
        "phone", "digital", 399900,
        "禾光 X2 手机", "Heguang X2 phone",
        "一块好屏，两天电量", "One good screen, two days of battery",
        "6.3 英寸直屏，影像克制而准确。电池可以撑过两个工作日，机身用再生铝做成，坏了也好修。",
        "A flat 6.3-inch screen and a camera that tells the truth. The battery lasts two working days;"
        " the body is recycled aluminium and made to be repaired.",
    ),
    Product(
        "laptop", "digital", 749900,
        "山墨 14 笔记本", "Shanmo 14 laptop",
        "安静、轻，写得久", "Quiet, light, made for long writing",
        "1.2 公斤，无风扇，键程 1.5 毫米。14 英寸 3:2 屏幕，适合整天面对文字和表格的人。",
        "1.2 kg, no fan, keys that travel 1.5 mm. A 14-inch 3:2 screen for people who spend their day"
        " with words and tables.",
    ),
    Product(
        "headphones", "digital", 89900,
        "听雨 头戴耳机", "Tingyu headphones",
        "隔开人声，留下雨声", "Keeps the voices out and the rain in",
        "主动降噪分三档，耳垫可以拆洗，一次充电听 50 小时。",
        "Three steps of noise cancelling, ear pads that come off for washing, fifty hours on one charge.",
    ),
    Product(
        "camera", "digital", 1299900,
        "远山 全画幅相机", "Yuanshan full-frame camera",
        "慢一点，看清楚", "Slower, and clearer",
        "3300 万像素全画幅，机身防尘防滴。每个旋钮只管一件事，三年内免费清洁传感器。",
        "A 33-megapixel full frame in a sealed body. Every dial does one thing; the sensor is cleaned"
        " free of charge for three years.",
    ),
    Product(
        "bicycle", "outdoors", 268000,
        "行云 通勤自行车", "Xingyun city bicycle",
        "皮带传动，裤脚干净", "Belt drive, clean trousers",
        "碳纤维皮带、内变速八档、前后挡泥板。整车 12.8 公斤，送货前已调好。",
        "A carbon belt, eight gears inside the hub, guards front and rear. 12.8 kg, and already adjusted"
        " when it reaches you.",
    ),
    Product(
        "espresso", "home", 158000,
        "晨露 意式咖啡机", "Chenlu espresso machine",
        "三分钟，一杯像样的早晨", "Three minutes to a decent morning",
        "热块加热，九巴稳压，蒸汽棒可以整支拆下来洗。宽 15 厘米，小厨房放得下。",
        "A heat block, a steady nine bar, and a steam wand that comes off for washing. 15 cm wide:"
        " it fits a small kitchen.",
    ),
    Product(
        "guitar", "music", 428000,
        "松涛 电吉他", "Songtao electric guitar",
        "桤木琴体，枫木琴颈", "Alder body, maple neck",
        "三个单线圈拾音器，22 品，出厂前由制琴师手工定弦。附琴包和一年调琴服务。",
        "Three single coils, 22 frets, set up by hand before it leaves the workshop. With a bag and a year"
        " of adjustments.",
    ),
    Product(
        "watercolour", "courses", 29900,
        "十二个晚上学水彩", "Watercolour in twelve evenings",
        "线上小班，含一套颜料", "A small class online, paints included",
        "每周一晚，每班十二人，老师逐张点评。颜料、纸和画笔在开课前寄到。",
        "One evening a week, twelve people, every sheet discussed. Paints, paper and brushes arrive before"
        " the first evening.",
    ),
)  # fmt: skip


class Catalog:
    """Reads products; `stock_shelf` writes the list above once per start."""

    def __init__(self, path: str) -> None:
        self._path = path

    def stock_shelf(self) -> None:
        """Put the current texts and prices of the shelf into the database."""
        names = [field.name for field in fields(Product)]
        with writing(self._path) as db:
            for position, product in enumerate(SHELF, 1):
                row = dict(zip(names, astuple(product), strict=True))
                db.table("products").upsert(
                    row | {"position": position, "picture": product.picture}, pk="sku"
                )

    def products(self) -> list[Product]:
        """Return everything for sale, in shelf order."""
        with opened(self._path) as db:
            return [_product(row) for row in db.query("SELECT * FROM products ORDER BY position")]

    def find(self, sku: str) -> Product | None:
        """Return one product, or None."""
        with opened(self._path) as db:
            row = next(db.query("SELECT * FROM products WHERE sku = ?", [sku]), None)
        return _product(row) if row else None


def _product(row: dict[str, Any]) -> Product:
    return Product(**{field.name: row[field.name] for field in fields(Product)})
