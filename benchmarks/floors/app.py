"""A Flask application without layers: each view does its path's work the shortest way, on the same server.

It reads what to do from one file: a database, statements recorded from the product, and data made ready.
Usage: FLOOR_SCRIPT=floor.script python -m benchmarks.floors.app PORT PROCESSES
"""

import base64
import hashlib
import json
import os
import pickle
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Flask, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields, validate

from benchmarks.floors import arithmetic
from benchmarks.floors.sql import Storage, kind_of
from merchant_server.providers.system import SystemIds
from merchant_server.serving import keep_to_a_core, serve

MARK = "\x02"  # begins a parameter that each request fills in
STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"


class Application(Schema):
    """What a person sends for a decision."""

    name = fields.String(required=True, validate=validate.Length(1, 60))
    id_number = fields.String(required=True, validate=validate.Regexp(r"\d{17}[\dX]"))
    consent = fields.List(fields.String(), required=True, validate=validate.Length(equal=3))


class Asked(Schema):
    """What a shop's page asks prices for."""

    amount_minor = fields.Integer(required=True, validate=validate.Range(min=1, max=10**15))
    currency = fields.String(required=True, validate=validate.Length(equal=3))
    plan_ids = fields.String(load_default=None)


def read_script() -> dict[str, Any]:
    """Return what FLOOR_SCRIPT says."""
    script: dict[str, Any] = pickle.loads(Path(os.environ["FLOOR_SCRIPT"]).read_bytes())
    return script


def application() -> Flask:
    """Return the application over the file that FLOOR_SCRIPT names."""
    script = read_script()
    keep_to_a_core(f"fenqi-{script['name']}")
    app = Flask(__name__, template_folder=str(Path(__file__).parent))
    opened = kind_of(script["database"], own_engine=script["own_engine"])
    local, ids, schema, asked = threading.local(), SystemIds(), Application(), Asked()
    bank = Ed25519PublicKey.from_public_bytes(bytes.fromhex(script["bank_key"]))

    def database() -> Storage:
        if not hasattr(local, "storage"):
            local.storage = opened(script["database"])
        found: Storage = local.storage
        return found

    database()

    @app.get("/ready")
    def ready() -> ResponseReturnValue:
        return "ready"

    @app.get("/page")
    def page() -> ResponseReturnValue:
        return render_template("page.html", **script["page"])

    @app.post("/v1/checkouts")
    def create() -> ResponseReturnValue:
        values = _fresh(ids, script["checkout"], script["event"])
        database().read(script["key"])
        database().commit([(sql, _filled(params, values), many) for sql, params, many in script["create"]])
        return Response(values["response"], 201, content_type="application/json")

    @app.post("/callbacks/bank")
    def callback() -> ResponseReturnValue:
        head, body = request.headers, request.get_data()
        signed = f"{head['bank-event-id']}.{head['bank-timestamp']}.".encode() + body
        bank.verify(base64.b64decode(head["bank-signature"]), signed)
        database().commit(script["callbacks"][json.loads(body)["reference"]])
        return {"code": "SUCCESS"}

    @app.get("/v1/offers")
    def offers() -> ResponseReturnValue:
        wanted = asked.load(request.args.to_dict())
        minor, currency = wanted["amount_minor"], wanted["currency"]
        priced = [arithmetic.offer(minor, currency, plan, rate, on) for plan, rate, on in script["plans"]]
        page = {"object": "list", "data": priced, "has_more": False, "next_cursor": None}
        return Response(json.dumps(page, ensure_ascii=False), content_type="application/json")

    @app.post("/decide")
    def decide() -> ResponseReturnValue:
        schema.load({**request.form.to_dict(), "consent": request.form.getlist("consent")})
        return redirect("/plan", 303)

    @app.post("/hook")
    def hook() -> ResponseReturnValue:
        request.get_data()
        return "", 200

    return app


def _fresh(ids: SystemIds, recorded: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    """Return what one new checkout needs: ids, times, and its JSON."""
    asked, now = request.get_json(), datetime.now(UTC)
    created, expires = (
        now.strftime(STAMP),
        (now + timedelta(seconds=asked["expires_in_seconds"])).strftime(STAMP),
    )
    token, checkout_id = ids.token(16), ids.new("chk")
    resource = {
        **recorded,
        "id": checkout_id,
        "reference": asked["reference"],
        "created_at": created,
        "expires_at": expires,
        "url": f"http://127.0.0.1/p/{token}",
    }
    event_id = ids.new("evt")
    told = json.dumps({**event, "id": event_id, "data": resource}, ensure_ascii=False)
    return {
        "id": checkout_id,
        "token": token,
        "event_id": event_id,
        "head": told[:-1] + ', "sequence": ',
        "tail": "}",
        "key": request.headers["Idempotency-Key"],
        "fingerprint": hashlib.sha256(request.get_data()).hexdigest(),
        "reference": asked["reference"],
        "now": created,
        "expires": expires,
        "resource": resource,
        "response": json.dumps(resource, ensure_ascii=False).encode(),
    }


def _filled(params: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: values[value[1:]] if isinstance(value, str) and value.startswith(MARK) else value
        for name, value in params.items()
    }


if __name__ == "__main__":
    wanted = read_script()
    threads = int(kind_of(wanted["database"], own_engine=wanted["own_engine"]).threads)
    serve("benchmarks.floors.app:application", "127.0.0.1", int(sys.argv[1]), threads, int(sys.argv[2]))
