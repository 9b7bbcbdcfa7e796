"""`fenqi login`: keep a key and an address in a file that only its owner can read. The environment wins over it."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fenqi.errors import ConfigError

if TYPE_CHECKING:
    from fenqi.cli import Surroundings

DEMO_FILE = Path("var/demo/shop.json")


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


@click.command()
@click.option("--api-key", help="sk_test_… or sk_live_…; asked for when left out, so that no shell keeps it.")
@click.option("--base-url", help="The server's address.")
@click.option(
    "--demo",
    is_flag=False,
    flag_value=str(DEMO_FILE),
    help="Take the key of a running make demo, from its folder or its shop.json; no account needed.",
)
@click.pass_obj
def login(surroundings: "Surroundings", api_key: str | None, base_url: str | None, demo: str | None) -> None:
    """Check a key against the server and keep it for the other commands."""
    from fenqi.client import DEFAULT_BASE_URL, Client

    if demo is not None:
        try:
            file = Path(demo) / DEMO_FILE.name if Path(demo).is_dir() else Path(demo)
            api_key = str(json.loads(file.read_text())["api_key"])
        except (OSError, ValueError, KeyError) as error:
            raise ConfigError(
                f"{demo} holds no demo.", field="demo", hint="Run make demo in its folder first."
            ) from error
    api_key = api_key or click.prompt("API key", hide_input=True)
    base_url = base_url or os.environ.get("FENQI_BASE_URL") or DEFAULT_BASE_URL
    client = surroundings.client or Client(api_key=api_key, base_url=base_url, clock=surroundings.clock)
    client.server_time()
    file = keep(str(api_key), client.base_url)
    click.echo(f"The key works at {client.base_url}. Kept in {file}, readable by you only.")
