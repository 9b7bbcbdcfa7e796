"""Pictures of schedules, in a terminal or as SVG: principal, interest and fee of every installment. No arithmetic."""

from collections.abc import Sequence
from itertools import pairwise
from xml.sax.saxutils import escape

from fenqi.finance.money import money
from fenqi.offers import Offer

_BLOCKS = "█▒░"
_ASCII = "#+."
_PARTS = ("principal", "interest", "fee")
_COLOURS = ("#1f5fbf", "#d9822b", "#7a7a7a")
_BAR, _GAP, _HEIGHT, _LEFT, _TOP = 18, 6, 160, 12, 44


def terminal_plot(offer: Offer, *, columns: int = 80, encoding: str = "utf-8") -> str:
    """Return bars, one an installment, as wide as its total; in ASCII where the encoding has no blocks."""
    try:
        _BLOCKS.encode(encoding)
        signs = _BLOCKS
    except (UnicodeEncodeError, LookupError):
        signs = _ASCII
    rows, currency = offer.schedule.rows, offer.amount.currency
    labels = [money(total, currency).decimal_text for total in rows.total]
    numbers = len(str(len(labels)))
    width = max(10, columns - numbers - 2 - max(map(len, labels)) - 2)
    largest = max(rows.total)
    lines = ["  ".join(f"{sign} {part}" for sign, part in zip(signs, _PARTS, strict=True))]
    for index, (label, *parts) in enumerate(
        zip(labels, rows.principal, rows.interest, rows.fee, strict=True), 1
    ):
        bar = "".join(sign * cells for sign, cells in zip(signs, _cells(parts, width, largest), strict=True))
        lines.append(f"{index:>{numbers}}  {bar:<{width}}  {label:>{max(map(len, labels))}}")
    return "\n".join(lines)


def _cells(parts: Sequence[int], width: int, largest: int) -> list[int]:
    """Share a bar's cells: ends are rounded, so that bars line up and a part of at least half a cell is seen."""
    ends, reached = [0], 0
    for part in parts:
        reached += part
        ends.append((2 * reached * width + largest) // (2 * largest))
    return [end - start for start, end in pairwise(ends)]


def svg_plot(offers: Sequence[Offer]) -> str:
    """Return one SVG with a panel of stacked columns for each offer, every column titled with its figures."""
    widest = max(len(offer.schedule.rows.total) for offer in offers)
    width = max(320, 2 * _LEFT + widest * (_BAR + _GAP))
    panel = _TOP + _HEIGHT + 34
    height = panel * len(offers)
    names = ", ".join(f"{offer.plan.id} {offer.amount}" for offer in offers)
    panels = "".join(_panel(offer, panel * index, width) for index, offer in enumerate(offers))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" font-family="sans-serif" font-size="12"><title>{escape(names)}</title>'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>{panels}</svg>\n'
    )


def _panel(offer: Offer, top: int, width: int) -> str:
    rows, currency = offer.schedule.rows, offer.amount.currency
    largest = max(rows.total)
    foot = top + _TOP + _HEIGHT
    drawn = [
        f'<text x="{_LEFT}" y="{top + 16}" fill="#1a1a1a">{escape(offer.plan.id)} · {offer.amount}</text>'
    ]
    for index, (part, colour) in enumerate(zip(_PARTS, _COLOURS, strict=True)):
        x = _LEFT + index * 90
        drawn.append(f'<rect x="{x}" y="{top + 24}" width="10" height="10" fill="{colour}"/>')
        drawn.append(f'<text x="{x + 14}" y="{top + 33}" fill="#1a1a1a">{part}</text>')
    columns = zip(offer.schedule.due_dates, rows.principal, rows.interest, rows.fee, rows.total, strict=True)
    for index, (due_on, *parts, total) in enumerate(columns):
        x, below = _LEFT + index * (_BAR + _GAP), foot
        said = ", ".join(f"{name} {money(part, currency)}" for name, part in zip(_PARTS, parts, strict=True))
        drawn.append(f"<g><title>{index + 1}, {due_on}: {said}, total {money(total, currency)}</title>")
        for cells, colour in zip(_cells(parts, _HEIGHT, largest), _COLOURS, strict=True):
            below -= cells
            if cells:
                drawn.append(f'<rect x="{x}" y="{below}" width="{_BAR}" height="{cells}" fill="{colour}"/>')
        drawn.append("</g>")
        drawn.append(
            f'<text x="{x + _BAR // 2}" y="{foot + 14}" text-anchor="middle" fill="#1a1a1a">{index + 1}</text>'
        )
    drawn.append(f'<path d="M{_LEFT} {foot}H{width - _LEFT}" stroke="#1a1a1a"/>')
    return "".join(drawn)
