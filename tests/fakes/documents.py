"""Agreements without typesetting and cryptography, for tests that look at everything but the document.

What real ones promise is in tests/contract/test_documents.py, which these keep too.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from merchant_server.domain.stroke import Stroke
from merchant_server.ports import AgreementRenderer


class PlainRenderer:
    """Writes an agreement's terms as they are; what a person gets of their data comes from the real renderer."""

    def __init__(self, real: AgreementRenderer) -> None:
        self._real = real

    def render(self, terms: Mapping[str, Any], *, language: str) -> bytes:
        """Return the terms as one line behind a PDF's first."""
        told = json.dumps(terms, ensure_ascii=False, sort_keys=True, default=str)
        return f"%PDF-1.7\n% {language} {told}\n".encode()

    def render_copy(self, data: Mapping[str, Any], *, language: str) -> bytes:
        """Return the real copy."""
        return self._real.render_copy(data, language=language)

    def copy_labels(self) -> Mapping[str, Mapping[str, str]]:
        """Return the real labels."""
        return self._real.copy_labels()


class PlainSigner:
    """Appends a line that says who signed and when, and one for the timestamp."""

    def sign(
        self,
        pdf: bytes,
        *,
        agreement_id: str,
        signer: str,
        signed_at: datetime,
        stroke: Stroke | None = None,
        stamped: bool = True,
    ) -> bytes:
        """Return the document with its signature behind it."""
        signed = pdf + f"% {agreement_id} signed by {signer} at {signed_at.isoformat()}\n".encode()
        return self.stamp(signed, at=signed_at) if stamped else signed

    def stamp(self, pdf: bytes, *, at: datetime) -> bytes:
        """Return the document with its timestamp behind it."""
        return pdf + f"% stamped at {at.isoformat()}\n".encode()
