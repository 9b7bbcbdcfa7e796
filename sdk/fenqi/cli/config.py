"""A key and an address, kept in a file that only its owner can read. The environment wins over it."""

import json
import os
from pathlib import Path

from fenqi.errors import ConfigError


def config_file() -> Path:
    """Return where the command keeps its settings: FENQI_CONFIG, else fenqi/config.json in the user's folder."""
    named = os.environ.get("FENQI_CONFIG")
    base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return Path(named) if named else base / "fenqi" / "config.json"


def stored() -> dict[str, str]:
    """Return api_key and base_url as they were kept; empty when nobody logged in. Raises ConfigError."""
    file = config_file()
    if not file.exists():
        return {}
    try:
        raw = json.loads(file.read_text())
        return {name: str(raw[name]) for name in ("api_key", "base_url") if raw.get(name)}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ConfigError(
            f"{file} cannot be read: {error}.", field="config", hint="Run fenqi login again."
        ) from error


def keep(api_key: str, base_url: str) -> Path:
    """Write the settings, readable by their owner only, in one step. Raises ConfigError."""
    file = config_file()
    draft = file.with_name(file.name + ".new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
            json.dump({"api_key": api_key, "base_url": base_url}, handle)
        draft.chmod(0o600)
        draft.replace(file)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error}.", field="config") from error
    return file
