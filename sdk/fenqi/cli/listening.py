"""`fenqi listen`: bring events to a receiver on this machine, signed as fenqi signs them. Needs no public address."""

import json
import os
import re
import secrets
from base64 import b64encode

import click
import requests

from fenqi.api.resources import Event
from fenqi.cli.surroundings import Surroundings
from fenqi.errors import TransportError, Unavailable
from fenqi.testing.signing import sign

_TIMEOUT = (3.05, 20)
_PAGE = 100


def receiver(_context: click.Context, _parameter: click.Parameter, url: str) -> str:
    """Return an address that can be posted to; anything else is wrong usage."""
    if not re.fullmatch(r"https?://[^/?#\s]+\S*", url):
        raise click.BadParameter(
            f"{url!r} is no address of a receiver; write http://127.0.0.1:5000/webhooks."
        )
    return url


@click.command()
@click.option(
    "--forward-to",
    "url",
    required=True,
    callback=receiver,
    help="Your receiver, such as http://127.0.0.1:5000/webhooks.",
)
@click.option(
    "--after", "after", help="Start after this event cursor (0: from the beginning); default: from now on."
)
@click.option(
    "--secret", help="whsec_… to sign with; default FENQI_WEBHOOK_SECRET, else a new one that is shown."
)
@click.option("--every", "every_seconds", type=click.FloatRange(0.1, 60), default=1.0, show_default=True)
@click.option("--once", is_flag=True, help="Stop when there are no more events.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object an event.")
@click.pass_obj
def listen(
    surroundings: Surroundings,
    url: str,
    after: str | None,
    secret: str | None,
    every_seconds: float,
    once: bool,
    as_json: bool,
) -> None:
    """Poll the event feed and post every event to your receiver, oldest first."""
    client = surroundings.connect()
    secret = signing_secret(secret)
    cursor = after if after is not None else client.events.newest_cursor()
    click.echo(f"Listening on {client.base_url}, forwarding to {url}. Ctrl-C stops.", err=True)
    failures = 0
    try:
        while True:
            try:
                for event in client.events.list(after=cursor, limit=_PAGE):
                    failures += not forward(surroundings, event, url, secret, as_json=as_json)
                    cursor = event.cursor
            except (TransportError, Unavailable) as error:
                if once:
                    raise
                click.echo(f"{error} Trying again.", err=True)
            if once:
                break
            surroundings.clock.sleep(every_seconds)
    except KeyboardInterrupt:
        click.echo(f"Stopped after event {cursor or 0}.", err=True)
    if failures and once:
        raise click.exceptions.Exit(1)


def signing_secret(given: str | None) -> str:
    """Return the secret to sign with: the one given, FENQI_WEBHOOK_SECRET, else a new one that is shown."""
    secret = given or os.environ.get("FENQI_WEBHOOK_SECRET")
    if not secret:
        secret = "whsec_" + b64encode(secrets.token_bytes(32)).decode("ascii")
        click.echo(f"Signing with {secret}\nSet FENQI_WEBHOOK_SECRET to it in your shop.", err=True)
    return secret


def forward(
    surroundings: Surroundings, event: Event, url: str, secret: str, *, as_json: bool = False
) -> bool:
    """Post an event as fenqi does, print what the receiver answered, and say whether it took it."""
    body = json.dumps(event.raw, ensure_ascii=False, separators=(",", ":")).encode()
    headers = sign(body, secret, message_id=event.id, sent_at=surroundings.clock.now())
    try:
        response = requests.post(url, data=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False)
        answer, good = str(response.status_code), 200 <= response.status_code < 300
    except requests.exceptions.RequestException as error:
        answer, good = type(error).__name__, False
    if as_json:
        line = {
            "sequence": event.sequence,
            "id": event.id,
            "type": event.type,
            "answer": answer,
            "taken": good,
        }
        click.echo(json.dumps(line))
        return good
    mark = click.style(answer, fg="green" if good else "red")
    click.echo(f"{event.sequence:>6}  {event.type:<22}  {event.aggregate.id}  {mark}")
    return good
