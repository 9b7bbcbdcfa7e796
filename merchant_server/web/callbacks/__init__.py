"""Where banks call back. No key: the signature over the raw bytes is the authentication."""

from flask import Blueprint, Response, jsonify, request

from merchant_server.services.collection.callbacks import receive
from merchant_server.web.context import deps

blp = Blueprint("callbacks", __name__, url_prefix="/callbacks")


@blp.post("/bank")
def bank() -> tuple[Response, int]:
    """Take one callback, and acknowledge it in the bank's own manner once it is durable."""
    verdict = receive(deps(), request.get_data(), dict(request.headers))
    return jsonify({"code": "SUCCESS", "message": verdict.outcome}), 200
