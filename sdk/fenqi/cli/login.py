"""`fenqi login`: check a key, and keep it for the other commands."""

import json
import os
from pathlib import Path

import click

from fenqi.cli.config import keep
from fenqi.cli.surroundings import Surroundings
from fenqi.client import DEFAULT_BASE_URL, Client
from fenqi.errors import ConfigError

DEMO_FILE = Path("var/demo/shop.json")


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
def login(surroundings: Surroundings, api_key: str | None, base_url: str | None, demo: str | None) -> None:
    """Check a key against the server and keep it for the other commands."""
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
