"""The file of wrapping keys: 256-bit keys that wrap data keys. It lies beside the database, never in it.

Whoever has this file and the database can read personal data; whoever has only one of them cannot.
"""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from merchant_server.storage.engine import StorageError

KEY_BYTES = 32


class WrappingKeyMissing(StorageError):
    """A data key is wrapped under a key that this file does not hold; `key_id` names it."""

    def __init__(self, key_id: str, place: str) -> None:
        self.key_id = key_id
        super().__init__(
            f"the wrapping key {key_id} is not in {place}:"
            " copy the newest key file to every machine of this installation"
        )


class WrappingKeys:
    """Wrapping keys by name, in one file with mode 0600; read again whenever an unknown name is asked for."""

    def __init__(self, path: Path) -> None:
        """Open the file, making it with one key when there is none; safe when several processes start at once."""
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            with self._locked():
                if not path.exists():
                    name = _new_name()
                    self._write({"newest": name, "keys": {name: secrets.token_hex(KEY_BYTES)}})
        self._known = self._read()

    def newest(self) -> str:
        """Return the name of the key that was made last."""
        self._known = self._read()
        name: str = self._known["newest"]
        return name

    def names(self) -> tuple[str, ...]:
        """Return the names of all keys, oldest first."""
        self._known = self._read()
        return tuple(self._known["keys"])

    def get(self, name: str) -> bytes:
        """Return a key. Raises WrappingKeyMissing."""
        if name not in self._known["keys"]:
            self._known = self._read()
        try:
            return bytes.fromhex(self._known["keys"][name])
        except KeyError:
            raise WrappingKeyMissing(name, self._path.name) from None

    def add(self) -> str:
        """Make another key and return its name; the older ones stay."""
        with self._locked():
            kept = self._read()
            name = _new_name()
            kept["keys"][name] = secrets.token_hex(KEY_BYTES)
            kept["newest"] = name
            self._write(kept)
            self._known = kept
        return name

    def destroy(self, name: str) -> None:
        """Forget a key for ever; what is wrapped under it alone, in old backups too, is lost."""
        with self._locked():
            kept = self._read()
            if name == kept["newest"]:
                raise StorageError(
                    f"the wrapping key {name} is in use: make another one first with `keys rotate`"
                )
            if kept["keys"].pop(name, None) is None:
                raise WrappingKeyMissing(name, self._path.name)
            self._write(kept)
            self._known = kept

    def _read(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self._path.read_text("utf-8"))
            if not all(len(bytes.fromhex(key)) == KEY_BYTES for key in found["keys"].values()):
                raise ValueError("a key is not 256 bits long")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as broken:
            raise StorageError(
                f"the key file {self._path.name} cannot be read: restore it from its backup"
            ) from broken
        return found

    def _write(self, content: dict[str, Any]) -> None:
        draft = self._path.with_name(f"{self._path.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        import fcntl

        descriptor = os.open(self._path.with_name(f"{self._path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _new_name() -> str:
    return f"w_{secrets.token_hex(8)}"
