"""`python -m benchmarks`: measure, print the table, and write JSON and a chart when asked."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.chart import svg
from benchmarks.measuring import FULL, QUICK, Figure, Scale
from benchmarks.report import as_json, machine, table, unrest
from benchmarks.world import flushes


def main(arguments: list[str]) -> int:
    """Run the chosen parts; the exit code is 0 when everything could be measured, whatever the figures say."""
    options = _options(arguments)
    if options.flush_ms and flushes.NANOSECONDS not in os.environ:
        return flushes.run([sys.executable, "-m", "benchmarks", *arguments], options.flush_ms)
    scale = QUICK if options.quick else FULL
    figures: list[Figure] = []
    for name, part in _parts().items():
        if not options.only or name in options.only:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            figures += part(scale)
    measured_at = datetime.now(UTC)
    caption = f"fenqi benchmarks, {measured_at:%Y-%m-%d %H:%M} UTC"
    print(table(figures))
    facts = ", ".join(f"{name.replace('_', ' ')} {fact}" for name, fact in machine().items())
    print(f"\n{caption}; {facts}")
    aimed = [figure for figure in figures if figure.goal]
    met = sum(figure.met for figure in aimed)
    print(f"{met} of {len(aimed)} goals met; ratios are medians of {scale.rounds} rounds")
    print(
        f"the machine's own pace varied {unrest(figures):.2f}×; ratios of two runs agree when it hardly does"
    )
    if options.json:
        options.json.write_text(as_json(figures, measured_at), encoding="utf-8")
    if options.svg:
        options.svg.write_text(svg(figures, caption), encoding="utf-8")
    return 0


def _parts() -> dict[str, Callable[[Scale], Iterator[Figure]]]:
    from benchmarks.paths import calculation, collection, documents, storage, web

    return {
        "calculation": calculation.figures,
        "documents": documents.figures,
        "storage": storage.figures,
        "collection": collection.figures,
        "web": web.figures,
    }


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a smoke run: few operations, figures mean little"
    )
    parser.add_argument("--only", action="append", choices=list(_PARTS), help="one part; repeat for more")
    parser.add_argument(
        "--flush-ms",
        type=float,
        metavar="MS",
        help="let a durable write take so long at least; needs a C compiler",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure with its rounds")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the ratios against their goals")
    return parser.parse_args(arguments)


_PARTS = ("calculation", "documents", "storage", "collection", "web")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
