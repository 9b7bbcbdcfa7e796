"""What services need to make, sign and stamp an agreement, as Protocols, and how a document is refused."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from merchant_server.domain.stroke import Stroke


class AgreementRenderer(Protocol):
    """Terms to PDF; the same terms give the same bytes. Raises UnprintableCharacter before anything is signed."""

    def render(self, terms: Mapping[str, Any], *, language: str) -> bytes: ...

    def render_copy(self, data: Mapping[str, Any], *, language: str) -> bytes:
        """Return the copy of a person's data as a PDF; a character without a glyph is printed as its code point."""
        ...

    def copy_labels(self) -> Mapping[str, Mapping[str, str]]:
        """Return what each member of the copy is called, by its name and the language tag."""
        ...


class AgreementSigner(Protocol):
    """Signs a rendered agreement with a key used once, certified by the installation's authority."""

    def sign(
        self, pdf: bytes, *, agreement_id: str, signer: str, signed_at: datetime, stroke: Stroke | None = None,
        stamped: bool = True,
    ) -> bytes:  # fmt: skip
        """Return the signed document. Raises ProviderUnavailable when the timestamp cannot be had, and ProviderRefused.

        `stroke` is drawn above the signer's line, as part of the signature.
        With `stamped` False it has no timestamp yet, and asks nobody for one.
        """
        ...

    def stamp(self, pdf: bytes, *, at: datetime) -> bytes:
        """Return a signed document with its timestamp; no signed byte moves. Raises ProviderUnavailable."""
        ...


class DocumentRefused(Exception):
    """No agreement can be made of these terms. Attributes: field (a path in the terms), reason."""

    def __init__(self, field: str, reason: str) -> None:
        self.field, self.reason = field, reason
        super().__init__(f"the agreement's {field} {reason}")


class UnprintableCharacter(DocumentRefused):
    """The agreement's font lacks a character. Attributes: character, field, reason."""

    def __init__(self, character: str, field: str) -> None:
        self.character = character
        super().__init__(field, f"has a character without a glyph: {character!r} (U+{ord(character):04X})")
