"""Files of keys and certificates: they appear whole or not at all, and stay after a power loss."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def write_whole(
    folder: Path, name: str, content: bytes, mode: int, place: Callable[[Path, Path], object]
) -> None:
    """Make the file appear whole or not at all, and stay after a power loss."""
    draft = folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        place(draft, folder / name)
    finally:
        draft.unlink(missing_ok=True)
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def link(draft: Path, final: Path) -> None:
    """Place the draft only where nothing stands yet: the first process wins, others read its keys."""
    try:
        final.hardlink_to(draft)
    except FileExistsError:
        return
