"""`fenqi doctor`: the key, the server, this machine's clock, the webhook secret and the endpoints."""

import json
import os
from urllib.parse import urlsplit

import click

from fenqi import webhooks
from fenqi.cli.surroundings import Surroundings
from fenqi.client import Client
from fenqi.errors import APIError, ConfigError, FenqiError

# Webhooks tolerate five minutes; a clock that is a minute off deserves a word before that.
SKEW_WARNED_SECONDS = 60


class _Findings:
    """What was looked at, printed as it is found, or at the end as JSON."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._rows: list[dict[str, object]] = []

    def add(self, good: bool, what: str, detail: str) -> None:
        self._rows.append({"check": what, "ok": good, "detail": detail})
        if not self._as_json:
            mark = click.style("ok  ", fg="green") if good else click.style("FAIL", fg="red")
            click.echo(f"{mark} {what}: {detail}")

    def end(self) -> None:
        """Exit with 1 when something is wrong."""
        healthy = all(row["ok"] for row in self._rows)
        if self._as_json:
            click.echo(json.dumps({"healthy": healthy, "checks": self._rows}, ensure_ascii=False))
        if not healthy:
            raise click.exceptions.Exit(1)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def doctor(surroundings: Surroundings, as_json: bool) -> None:
    """Check the key, the server, this machine's clock and the webhooks; exit 1 when something is wrong."""
    findings = _Findings(as_json=as_json)
    try:
        client = surroundings.connect()
    except ConfigError as error:
        findings.add(False, "settings", str(error))
        findings.end()
        return
    findings.add(True, "settings", f"a key is set; server {client.base_url}")
    if _reach(client, surroundings, findings):
        _endpoints(client, findings)
    secret = os.environ.get("FENQI_WEBHOOK_SECRET")
    if secret is not None:
        good = _secret_usable(secret)
        findings.add(good, "webhook secret", "usable" if good else "not usable: copy the whole whsec_… text")
    findings.end()


def _reach(client: Client, surroundings: Surroundings, findings: _Findings) -> bool:
    try:
        skew_seconds = _skew_seconds(client, surroundings)
    except APIError as error:
        findings.add(True, "server", "reachable")
        findings.add(False, "key", str(error))
        return False
    except FenqiError as error:
        findings.add(False, "server", str(error))
        return False
    findings.add(True, "server", "reachable, and it is fenqi")
    findings.add(True, "key", "accepted")
    if skew_seconds is None:
        findings.add(True, "clock", "not compared: the server sent no Date")
        return True
    allowed = webhooks.TOLERANCE_SECONDS
    good = abs(skew_seconds) <= SKEW_WARNED_SECONDS
    detail = f"{skew_seconds:+d} s against the server (webhooks allow {allowed} s either way)"
    findings.add(good, "clock", detail)
    return True


def _endpoints(client: Client, findings: _Findings) -> None:
    try:
        endpoints = list(client.webhook_endpoints.list())
    except FenqiError as error:
        findings.add(False, "webhooks", str(error))
        return
    if not endpoints:
        findings.add(True, "webhooks", "no endpoint; fenqi listen and the event feed work without one")
    for endpoint in endpoints:
        live = endpoint.status == "active"
        plain = client_is_live(client) and urlsplit(endpoint.url).scheme != "https"
        detail = f"{endpoint.url} is {endpoint.status}" + (", and not https" if plain else "")
        findings.add(live and not plain, "webhooks", detail)


def client_is_live(client: Client) -> bool:
    """Say whether the server is more than this machine's own sandbox."""
    return urlsplit(client.base_url).hostname not in ("127.0.0.1", "localhost", "::1", "fenqi.invalid")


def _skew_seconds(client: Client, surroundings: Surroundings) -> int | None:
    there = client.server_time()
    return None if there is None else round((surroundings.clock.now() - there).total_seconds())


def _secret_usable(secret: str) -> bool:
    try:
        webhooks.secret_key(secret)
    except webhooks.SignatureVerificationError:
        return False
    return True
