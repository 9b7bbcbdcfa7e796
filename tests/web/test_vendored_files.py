"""Files that others wrote: each is listed with its version and licence, and is byte for byte what was published."""

import hashlib
import json
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[2] / "merchant_server" / "web" / "static" / "vendor"


def test_every_vendored_file_is_the_published_one_with_its_licence() -> None:
    listed = json.loads((VENDOR / "VENDOR.json").read_text())
    licences = {each["licence_file"] for each in listed.values()}
    assert {path.name for path in VENDOR.iterdir()} == {*listed, *licences, "VENDOR.json"}
    for name, each in listed.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == each["sha256"], name
        assert each["version"] and each["licence"] and each["source"].startswith("https://")
