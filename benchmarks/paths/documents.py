"""The agreement: rendered, signed and stamped."""

import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from benchmarks.floors.documents import BareSigner, compiler
from benchmarks.measuring import Figure, Goal, Scale, alone
from merchant_server.providers.agreement import Authority, PadesSigner, TypstRenderer
from tests.agreement.conftest import sample_terms

SIGNED_AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
FOLDER = Path(str(files("merchant_server.providers.agreement")))
NAME = "欧阳祎喆"


class _Captured:
    """A compiler that keeps what it is asked, so that the floor compiles from the very same inputs."""

    def __init__(self, inner: Any) -> None:
        self._inner, self.asked = inner, {}  # type: ignore[var-annotated]

    def compile_with_warnings(self, **asked: Any) -> Any:
        """Compile and remember."""
        self.asked = asked
        return self._inner.compile_with_warnings(**asked)


def figures(scale: Scale) -> Iterator[Figure]:
    """Measure rendering and signing as one, and each alone."""
    with tempfile.TemporaryDirectory(prefix="fenqi-bench-") as folder:
        authority = Authority.open(folder)
        renderer, signer, terms = TypstRenderer(), PadesSigner(authority), sample_terms()
        captured = _Captured(renderer._compiler)
        renderer._compiler = captured  # type: ignore[assignment]
        pdf = renderer.render(terms, language="zh-CN")
        renderer._compiler = captured._inner
        typst, inputs = compiler(FOLDER), captured.asked

        def render() -> bytes:
            document = typst.compile(**inputs)
            assert isinstance(document, bytes)
            return document

        assert render() == pdf and json.loads(inputs["sys_inputs"]["terms"]) == terms
        certified = authority.issue(agreement_id="agr_bench", signer=NAME, signed_at=SIGNED_AT)
        bare_signer = BareSigner(certified, authority.timestamping, SIGNED_AT)

        def sign(document: bytes) -> bytes:
            return signer.sign(document, agreement_id="agr_bench", signer=NAME, signed_at=SIGNED_AT)

        yield alone(
            "agreement: render, sign, stamp",
            "bare typst on the same inputs, tuned pyHanko with one cached key, same timestamps",
            Goal("at least", 0.6),
            scale,
            lambda _: sign(renderer.render(terms, language="zh-CN")),
            lambda _: bare_signer.sign(render()),
            count=12,
        ).saying("p95 {}, wanted under 1 s", 0.95)
        yield alone(
            "agreement: sign and stamp",
            "tuned pyHanko on the same bytes, same timestamps",
            Goal("at least", 0.6),
            scale,
            lambda _: sign(pdf),
            lambda _: bare_signer.sign(pdf),
            count=12,
        )
