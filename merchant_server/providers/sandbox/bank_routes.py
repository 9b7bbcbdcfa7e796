"""The sandbox bank over HTTP: closed bodies in, JSON out; the rules are bank.py."""

from collections.abc import Callable

from flask import Blueprint, Response

from merchant_server.providers.sandbox.bank import SandboxBank
from merchant_server.providers.sandbox.door import answered, json_answer, json_body
from merchant_server.providers.sandbox.magic import ACCOUNTS


def bank_routes(bank: SandboxBank, wake: Callable[[], None]) -> Blueprint:
    """Return the routes under /bank/v1; `wake` is called when a callback may have become due."""
    routes = Blueprint("bank", __name__, url_prefix="/bank/v1")

    @routes.get("/accounts")
    def behaviours() -> Response:
        rows = [{"last_four": a.last_four, "behaviour": a.behaviour, "label": a.label} for a in ACCOUNTS]
        return json_answer(200, {"accounts": rows})

    @routes.post("/accounts")
    def accounts() -> Response:
        return json_answer(200, bank.accounts(json_body({"name": str, "id_number": str, "phone": str})))

    @routes.post("/mandates")
    def sign() -> Response:
        texts = dict.fromkeys(("reference", "account_token", "name", "id_number"), str)
        return json_answer(201, bank.sign(json_body({**texts, "cap": dict})))

    @routes.get("/mandates/<reference>")
    def mandate(reference: str) -> Response:
        return json_answer(200, bank.mandate(reference))

    @routes.post("/mandates/<reference>/cancel")
    def cancel(reference: str) -> Response:
        json_body({})
        return json_answer(200, bank.cancel(reference))

    @routes.post("/deductions")
    def deduct() -> Response:
        body, how = bank.deduct(json_body({"reference": str, "mandate_reference": str, "amount": dict}))
        wake()
        return answered(how, body, bank.settings, status=202)

    @routes.post("/returns")
    def give_back() -> Response:
        body = json_body({"reference": str, "came_by": str, "amount": dict})
        given = bank.give_back(body)
        wake()
        return json_answer(200, given)

    @routes.get("/deductions/<reference>")
    def deduction(reference: str) -> Response:
        return json_answer(200, bank.deduction(reference))

    return routes
