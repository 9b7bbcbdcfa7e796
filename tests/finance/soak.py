"""The long run of the arithmetic properties: `python -m tests.finance.soak [--examples 1000000] [--seed 7]`.

Shows how far it is and, first and last, the seed that repeats it.
"""

import argparse
import os
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, TextIO

import pytest

FOLDER = str(Path(__file__).parent)
SEEDS = 2**32


class Progress:
    """Counts examples as they run and draws a bar: in place on a terminal, else a line every twentieth."""

    def __init__(self, out: TextIO, now: Callable[[], float] = time.monotonic) -> None:
        self.total, self.done = 1, 0
        self._out, self._now = out, now
        self._live = out.isatty()
        self._drawn_at, self._drawn_share = -1.0, -1
        self._began_at = now()

    def count(self, name: str) -> None:
        """Count one example of a property."""
        self.done += 1
        share = min(100, self.done * 100 // self.total)
        if self._live:
            if self._now() - self._drawn_at >= 0.2:
                self._drawn_at = self._now()
                self._out.write(f"\r{self.line(share, name):<110.110}")
                self._out.flush()
        elif share // 5 > self._drawn_share:
            self._drawn_share = share // 5
            self._out.write(self.line(share, name) + "\n")
            self._out.flush()

    def line(self, share: int, name: str) -> str:
        """Return the bar with what is done, how fast, and which property runs."""
        bar = "#" * (share * 30 // 100)
        rate = self.done / max(self._now() - self._began_at, 0.001)
        return f"[{bar:<30}] {share:3} %  {self.done:,} of {self.total:,}, {rate:,.0f} a second, {name}"


class Watch:
    """A pytest plugin that lets every property report its examples."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if hasattr(getattr(item, "obj", None), "hypothesis")]
        from hypothesis import settings

        self.progress.total = max(1, len(items) * settings.default.max_examples)
        for item in items:
            handle = item.obj.hypothesis
            handle.inner_test = self._counted(handle.inner_test, item.name)

    def _counted(self, test: Callable[..., Any], name: str) -> Callable[..., Any]:
        @wraps(test)
        def counted(*given: Any, **named: Any) -> Any:
            self.progress.count(name)
            return test(*given, **named)

        return counted


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the properties and return pytest's exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=int(os.environ.get("FENQI_EXAMPLES", "1000000")))
    parser.add_argument(
        "--seed", type=int, default=int(os.environ.get("FENQI_SEED", secrets.randbelow(SEEDS)))
    )
    parser.add_argument("--only", help="run the properties whose name holds this")
    chosen = parser.parse_args(arguments)
    os.environ["FENQI_EXAMPLES"] = str(chosen.examples)
    again = f"python -m tests.finance.soak --examples {chosen.examples} --seed {chosen.seed}"
    again += f" --only {chosen.only}" if chosen.only else ""
    sys.stderr.write(f"seed {chosen.seed}; again: {again}\n")
    options = [
        "-q",
        "--no-header",
        f"--hypothesis-seed={chosen.seed}",
        "--timeout=0",
        "--capture=sys",
        FOLDER,
    ]
    options += ["-k", chosen.only] if chosen.only else []
    code = pytest.main(options, plugins=[Watch(Progress(sys.__stderr__ or sys.stderr))])
    sys.stderr.write(f"\nseed {chosen.seed}; again: {again}\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
