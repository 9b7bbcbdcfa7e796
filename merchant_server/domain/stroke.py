"""A handwritten stroke: what a finger drew beside the code. It proves little by itself and replaces nothing."""

import json
from dataclasses import dataclass

from merchant_server.domain.errors import RuleRefused

WIDTH, HEIGHT = 1000, 300
BYTES_MAX = 20_000
LINES_MAX = 200


@dataclass(frozen=True, slots=True)
class Stroke:
    """Lines in a field of WIDTH by HEIGHT units, each as x, y, x, y …, from the top left."""

    lines: tuple[tuple[int, ...], ...]

    def __repr__(self) -> str:
        return "Stroke(***)"

    @classmethod
    def parse(cls, text: str) -> "Stroke | None":
        """Return the stroke of a form's field, or None for an empty one. Raises RuleRefused (stroke_malformed)."""
        if not text.strip():
            return None
        if len(text.encode("utf-8", "replace")) > BYTES_MAX:
            raise _malformed(f"larger than {BYTES_MAX} bytes")
        try:
            lines = json.loads(text)
        except (ValueError, RecursionError):
            raise _malformed("no JSON") from None
        if not isinstance(lines, list) or len(lines) > LINES_MAX or not all(map(_is_line, lines)):
            raise _malformed("not made of lines inside its field")
        return cls(tuple(tuple(line) for line in lines)) if lines else None

    def text(self) -> str:
        """Return the one form in which a stroke is kept."""
        return json.dumps(self.lines, separators=(",", ":"))


def _is_line(line: object) -> bool:
    if not isinstance(line, list) or len(line) < 2 or len(line) % 2:
        return False
    if any(type(number) is not int for number in line):
        return False
    return all(0 <= x <= WIDTH for x in line[::2]) and all(0 <= y <= HEIGHT for y in line[1::2])


def _malformed(why: str) -> RuleRefused:
    return RuleRefused(
        f"the handwritten signature is {why}",
        code="stroke_malformed",
        field="stroke",
        hint="clear it and draw it again, or leave it empty",
    )
