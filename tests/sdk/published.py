"""The published vectors, read where they lie beside the project."""

import json
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).resolve().parents[2].parent / "shared" / "vectors"


def vectors(name: str) -> Any:
    """Return a vector file's content, or None where the folder is not there."""
    path = VECTORS / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
