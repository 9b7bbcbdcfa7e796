"""Decisions over HTTP: on an amount, which writes nothing; and on a person, from the form to two durable commits."""

import json
import re
from typing import Any
from urllib.parse import urlencode

from benchmarks.measuring import Figure, Goal
from benchmarks.paths.pair import Pair
from benchmarks.world.load import Connection, drive, request
from benchmarks.world.seeding import Applicant
from merchant_server.services.sale.approval import CONSENTS

COUNT, ASKED = 60, 300
CHEAPEST = 200_000
CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


def on_an_amount(pair: Pair) -> Figure:
    """Ask what a shop's goods cost in installments: key, limits and rules, and nothing is written."""
    count, head = pair.scale.of(ASKED), {"Authorization": f"Bearer {pair.world.house.api_key}"}

    def asked(number: int) -> list[bytes]:
        first = CHEAPEST + number * count * 100
        amounts = range(first, first + count * 100, 100)
        return [request("GET", f"/v1/offers?amount_minor={minor}&currency=CNY", head) for minor in amounts]

    _compare(*(_prices(port, asked(-1)[0]) for port in (pair.ours, pair.floor)))
    for port in (pair.ours, pair.floor):
        drive(port, asked(-1), 1, 200)
    return pair.measure(
        "GET /v1/offers, nothing written",
        "a bare Flask + marshmallow view: integer rows, pyxirr, json.dumps, the same JSON",
        Goal("at least", 0.5),
        (asked, asked),
        connections=1,
        status=(200, 200),
        note="five plans; each amount is asked for the first time",
    )


def _prices(port: int, asked: bytes) -> list[dict[str, Any]]:
    connection = Connection(port)
    found: list[dict[str, Any]] = json.loads(connection.ask(asked).body)["data"]
    connection.close()
    return found


def _compare(ours: list[dict[str, Any]], floor: list[dict[str, Any]]) -> None:
    """Check that both sides say the same, down to the cent and to nine places of the yearly rate."""
    for each in (*ours, *floor):
        each["annual_cost"] = round(float(each["annual_cost"]), 9)
    assert ours == floor, (ours, floor)


def on_a_person(pair: Pair) -> Figure:
    """Let people apply at both servers; every one of ours is a whole decision."""
    people, count = pair.world.to_decide, pair.scale.of(COUNT)
    session, csrf = _form(pair.ours, people[-1])

    def fields(applicant: Applicant) -> dict[str, Any]:
        return {"name": "王小明", "id_number": applicant.id_number, "consent": list(CONSENTS)}

    def ours(number: int) -> list[bytes]:
        return [
            request(
                "POST", f"/p/{each.checkout.token}/apply",
                {"Cookie": f"fenqi_phone={each.claim}; {session}", "Content-Type": "application/x-www-form-urlencoded"},
                urlencode({**fields(each), "csrf_token": csrf}, doseq=True).encode(),
            )
            for each in people[number * count : (number + 1) * count]
        ]  # fmt: skip

    def floor(number: int) -> list[bytes]:
        head = {"Content-Type": "application/x-www-form-urlencoded"}
        return [
            request("POST", "/decide", head, urlencode(fields(each), doseq=True).encode())
            for each in people[number * count : (number + 1) * count]
        ]

    return pair.measure(
        "POST decision, end to end",
        "a bare Flask + marshmallow view that reads the form and redirects",
        None,
        (ours, floor),
        connections=1,
        status=(303, 303),
        note="ours includes two durable commits and two sources over HTTP, each a program of its own",
    ).saying("p99 {}, wanted at most 150 ms", 0.99)


def _form(port: int, applicant: Applicant) -> tuple[str, str]:
    """Return the session cookie and the CSRF token of the page where one applies."""
    connection = Connection(port)
    path = f"/p/{applicant.checkout.token}/apply"
    answer = connection.ask(request("GET", path, {"Cookie": f"fenqi_phone={applicant.claim}"}))
    connection.close()
    cookie = re.search(rb"set-cookie: (fenqi_session=[^;]+)", answer.head, re.IGNORECASE)
    token = CSRF.search(answer.body.decode())
    assert cookie is not None and token is not None, answer.body[:500]
    return cookie.group(1).decode(), token.group(1)
