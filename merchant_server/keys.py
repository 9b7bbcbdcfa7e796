"""The installation's own keys: made once at the first start, kept as files beside the database and never in it."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class InstallationKeys:
    """256 random bits each: for sealed columns, look-up hashes, one-time codes, pages and the sandbox."""

    sealing: bytes
    index: bytes
    codes: bytes
    web: bytes
    sandbox_api: str

    @classmethod
    def open(cls, folder: Path) -> "InstallationKeys":
        """Read the keys of a folder, making those that are missing; safe when several processes start at once."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(
            sealing=_key(folder / "sealing.key"),
            index=_key(folder / "index.key"),
            codes=_key(folder / "codes.key"),
            web=_key(folder / "web.key"),
            sandbox_api=_key(folder / "sandbox-api.key").hex(),
        )


def _key(path: Path) -> bytes:
    return _once(path, secrets.token_bytes(KEY_BYTES)).read_bytes()


def _once(path: Path, content: bytes) -> Path:
    """Write a file unless it exists; a link from a finished file makes that one step, so nobody reads half a key."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path
