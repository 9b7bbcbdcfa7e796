"""What makes each event happen in test mode, by its name, and what takes somebody else.

A script returns the id of what its event is about, or "" when that is not known before it happens.
"""

import secrets
import threading
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Final
from urllib.parse import urlsplit

from fenqi.api.resources import Checkout
from fenqi.cli.staging import Scene
from fenqi.errors import FenqiError
from fenqi.finance.plan import Plan

_EXPIRES_IN_SECONDS = 60
_PAYOUT_DAYS = 7
_GRACE_DAYS = 8
_GONE_WITHIN_SECONDS = 60
# Closed after the signature, so that every deduction fails for good.
_CLOSED_ACCOUNT = "0005"
_EMPTY_ACCOUNT = "0002"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
Script = Callable[[Scene], str]


def _reach(scene: Scene, status: str) -> str:
    checkout = scene.sell(capture="manual" if status == "authorized" else "automatic")
    scene.player.advance(checkout, status)
    return checkout.id


def _expire(scene: Scene) -> str:
    checkout = scene.sell(expires_in_seconds=_EXPIRES_IN_SECONDS)
    scene.say(f"Waiting {_EXPIRES_IN_SECONDS} s for {checkout.id} to expire.")
    scene.surroundings.clock.sleep(_EXPIRES_IN_SECONDS + 1)
    return checkout.id


def _authorize(scene: Scene) -> Checkout:
    return scene.sign(status="authorized", capture="manual")


def _void(scene: Scene, about: str) -> str:
    checkout = _authorize(scene)
    voided = scene.client.checkouts.void(checkout.id)
    return (voided.loan_id or "") if about == "loan" else voided.id


def _reduce(scene: Scene) -> str:
    checkout = _authorize(scene)
    return scene.client.checkouts.void(checkout.id, amount=scene.amount.allocate((1, 1))[0]).id


def _collect(scene: Scene, account: str = "0001") -> str:
    loan_id = scene.sign(account=account).loan_id or ""
    scene.player.fall_due(loan_id)
    return loan_id


def _repay(scene: Scene) -> str:
    return _pay_all(scene, scene.sign().loan_id or "")


def _close(scene: Scene) -> str:
    checkout = scene.sign()
    _pay_all(scene, checkout.loan_id or "")
    return checkout.id


def _pay_all(scene: Scene, loan_id: str) -> str:
    for _ in scene.client.loans.retrieve(loan_id).installments:
        cursor = scene.client.events.newest_cursor()
        scene.player.fall_due(loan_id)
        scene.await_event("installment.paid", loan_id, cursor)
    return loan_id


def _charge_penalty(scene: Scene) -> str:
    plan = Plan(
        id=f"trigger-{secrets.token_hex(4)}",
        installments=3,
        method="equal_installments",
        annual_rate="0.12",
        penalty_annual_rate="0.18",
    )
    scene.client.plans.create(plan)
    loan_id = scene.sign(account=_CLOSED_ACCOUNT, plan_ids=[plan.id]).loan_id or ""
    scene.player.fall_due(loan_id)
    scene.player.let_days_pass(_GRACE_DAYS)
    return loan_id


def _refund(scene: Scene, about: str, *, whole: bool = True) -> str:
    checkout = scene.sign()
    amount = scene.amount if whole else scene.amount.allocate((1, 1))[0]
    refund = scene.client.loans.refund(checkout.loan_id or "", amount=amount)
    return refund.id if about == "refund" else checkout.loan_id or ""


def _dispute(scene: Scene, about: str, then: str = "") -> str:
    checkout = scene.sign()
    cursor = scene.client.events.newest_cursor()
    scene.player.dispute(checkout)
    opened = scene.await_event("dispute.opened", "", cursor).aggregate.id
    if then == "answer":
        scene.client.disputes.submit_evidence(opened, text="fenqi trigger: it was handed over.")
    elif then == "accept":
        scene.client.disputes.accept(opened)
    return opened if about == "dispute" else checkout.loan_id or ""


def _revoke(scene: Scene) -> str:
    checkout = scene.sign()
    scene.player.revoke(checkout)
    return checkout.loan_id or ""


def _pay_out(scene: Scene) -> str:
    scene.sign()
    scene.say(
        "A payout comes when sales are more than what refunds and payouts took; --amount makes a larger sale."
    )
    scene.player.let_days_pass(_PAYOUT_DAYS)
    return ""


def _ping(scene: Scene) -> str:
    hooks = scene.client.webhook_endpoints
    mine = next((each.id for each in hooks.list() if each.status == "active"), None)
    endpoint_id = mine or hooks.create(url=scene.client.base_url, description="fenqi trigger").id
    hooks.ping(endpoint_id)
    if mine is None:
        hooks.delete(endpoint_id)
    return endpoint_id


def _be_gone(scene: Scene) -> str:
    """Listen on this machine, answer one push with 410, and wait until fenqi has taken notice."""
    if urlsplit(scene.client.base_url).hostname not in _LOOPBACK:
        raise FenqiError(
            "Only a fenqi on this machine reaches the receiver that this makes.",
            hint="Answer 410 from your own endpoint instead.",
        )

    class Gone(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(410)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Gone) as receiver:
        receiver.timeout = _GONE_WITHIN_SECONDS
        listening = threading.Thread(target=receiver.handle_request)
        listening.start()
        url = f"http://127.0.0.1:{receiver.server_port}/gone"
        endpoint = scene.client.webhook_endpoints.create(url=url, description="fenqi trigger")
        scene.client.webhook_endpoints.ping(endpoint.id)
        listening.join()
    return endpoint.id


SCRIPTS: Final[dict[str, Script]] = {
    "checkout.created": lambda scene: scene.sell().id,
    "checkout.opened": partial(_reach, status="opened"),
    "checkout.deciding": partial(_reach, status="offered"),
    "checkout.offered": partial(_reach, status="offered"),
    "checkout.declined": partial(_reach, status="declined"),
    "checkout.referred": partial(_reach, status="referred"),
    "checkout.signing": partial(_reach, status="signing"),
    "checkout.authorized": partial(_reach, status="authorized"),
    "checkout.captured": lambda scene: scene.sign().id,
    "checkout.closed": _close,
    "checkout.cancelled": lambda scene: scene.client.checkouts.cancel(scene.sell().id).id,
    "checkout.expired": _expire,
    "checkout.voided": partial(_void, about="checkout"),
    "checkout.reduced": _reduce,
    "loan.created": lambda scene: scene.sign().loan_id or "",
    "loan.cancelled": partial(_void, about="loan"),
    "loan.overdue": partial(_collect, account=_CLOSED_ACCOUNT),
    "loan.repaid": _repay,
    "loan.refunded": partial(_refund, about="loan"),
    "loan.schedule_changed": partial(_refund, about="loan", whole=False),
    "loan.collection_paused": partial(_dispute, about="loan"),
    "loan.collection_resumed": partial(_dispute, about="loan", then="accept"),
    "installment.paid": _collect,
    "penalty.charged": _charge_penalty,
    "deduction.failed": partial(_collect, account=_EMPTY_ACCOUNT),
    "mandate.revoked": _revoke,
    "refund.pending": partial(_refund, about="refund", whole=False),
    "refund.succeeded": partial(_refund, about="refund", whole=False),
    "dispute.opened": partial(_dispute, about="dispute"),
    "dispute.updated": partial(_dispute, about="dispute", then="answer"),
    "dispute.closed": partial(_dispute, about="dispute", then="accept"),
    "payout.created": _pay_out,
    "payout.paid": _pay_out,
    "webhook_endpoint.ping": _ping,
    "webhook_endpoint.disabled": _be_gone,
}
_BY_BANK_FILE = "It comes of money that a bank file brings: fenqi-server reconcile."
BY_OTHERS: Final[dict[str, str]] = {
    "checkout.authorization_expiring": "It comes by the real clock, a day before a signed sale lapses uncaptured.",
    "installment.partly_paid": _BY_BANK_FILE,
    "repayment.reversed": _BY_BANK_FILE,
    "loan.written_off": "Two operators write a loan off: fenqi-server loan.",
    "loan.recovered": "Money arrives for a loan that operators wrote off: fenqi-server loan, then a bank file.",
    "payout.failed": "An operator sets a payout account that refuses, sandbox_9003: fenqi-server settlement set.",
    "refund.failed": "The consumer's account must refuse money, which no account of the sandbox does by itself.",
}
