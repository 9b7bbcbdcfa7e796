"""Draws a handwritten stroke as the look of a signature, above the signer's line on the last page."""

from dataclasses import dataclass, field
from typing import Any

from pyhanko.pdf_utils.layout import BoxConstraints
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.stamp.base import BaseStamp, BaseStampStyle

from merchant_server.domain.stroke import HEIGHT, WIDTH, Stroke

# In points from the lower left of the last page: agreement.typ keeps the signers' lines there, at its foot.
STROKE_BOX = (312, 88, 452, 130)
INK = "0.07 0.1 0.3 RG 6 w 1 J 1 j"


@dataclass(frozen=True)
class InkStyle(BaseStampStyle):
    """A signature that looks as it was drawn by hand."""

    stroke: Stroke = field(default_factory=lambda: Stroke(()))

    def create_stamp(self, writer: BasePdfFileWriter, box: BoxConstraints, text_params: Any) -> "InkStamp":
        """Return the stamp for a signature's field."""
        return InkStamp(writer, self, box=box)


class InkStamp(BaseStamp):
    """The lines of a stroke as drawing orders."""

    def render(self) -> bytes:
        """Return the content stream; a stroke's field has its origin at the top left, a page at the lower left."""
        across, up = self.box.width / WIDTH, self.box.height / HEIGHT
        orders = [f"q {across:.5f} 0 0 {up:.5f} 0 0 cm {INK}"]
        for line in self.style.stroke.lines:
            points = [f"{x} {HEIGHT - y}" for x, y in zip(line[::2], line[1::2], strict=True)]
            # A tap is a dot: a line from a point to itself has round ends.
            orders.append(f"{points[0]} m " + " ".join(f"{point} l" for point in points[1:] or points) + " S")
        return "\n".join([*orders, "Q"]).encode()
