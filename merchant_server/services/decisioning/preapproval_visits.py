"""Coming in to ask how much could be spent: a number, its code, and a browser that is known by a cookie's secret.

Nobody learns here whether a number is known: a code is sent in any case.
"""

import hashlib

from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.preapproval import Preapproval, unknown_visitor
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps
from merchant_server.services.sale.code_limits import spend_code
from merchant_server.services.sale.codes import new_code, parse_phone, send, wrong_code

PURPOSE = "credit"
TOKEN_BYTES = 32
TEXTS = {
    "zh-CN": "【fenqi 分期】您正在查询可用额度，验证码 {digits}，10 分钟内有效。请勿告诉他人。",
    "en": "[fenqi] Your code to ask how much you could spend is {digits}, good for 10 minutes. Tell nobody.",
}


def ask_for_code(deps: Deps, phone_text: str, language: str, *, address: str | None = None) -> str:
    """Send a code to a typed number and return the secret of a new pre-approval, for a cookie.

    Raises RuleRefused (phone_invalid, code_rate_limited, codes_paused), Unavailable.
    """
    phone = parse_phone(phone_text)
    token, now = deps.ids.token(TOKEN_BYTES), deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        index = uow.preapprovals.phone_index(phone)
        spend_code(uow, deps, PURPOSE, index, address=address)
        asked = Preapproval(deps.ids.new("pre"), token_hash(token), index, now, now)
        uow.preapprovals.add(asked, phone)
        code, digits = new_code(deps, PURPOSE, asked.id, bound_to=index, phone_index=index)
        uow.preapprovals.add_code(asked.id, code)
    send(deps, phone, code.id, TEXTS[language].format(digits=digits))
    return token


def check_code(deps: Deps, token: str, digits: str) -> str:
    """Verify the number by its code; return the browser's new secret.

    Raises RuleRefused (code_wrong and its kin), Unauthenticated when the pre-approval is over.
    """
    secret = deps.ids.token(TOKEN_BYTES)
    with deps.storage.unit_of_work() as uow:
        asked = current(uow, deps, token)
        code = uow.preapprovals.newest_code(asked.id)
        if code is None:
            raise RuleRefused("no code was sent for this", code="code_missing", hint="ask for a code first")
        attempt = code.attempt("".join(digits.split()), deps.code_key, deps.clock.now())
        uow.preapprovals.record_try(attempt.code)
        if attempt.right:
            uow.preapprovals.save(asked.proven(token_hash(secret), deps.clock.now()))
    if not attempt.right:
        raise wrong_code()
    return secret


def leave(deps: Deps, token: str) -> None:
    """Forget the browser; leaving twice changes nothing. The line and the decision remain."""
    with deps.storage.unit_of_work() as uow:
        asked = uow.preapprovals.by_token(token_hash(token))
        if asked is not None:
            uow.preapprovals.end(asked.id, token_hash(deps.ids.token(TOKEN_BYTES)))


def current(uow: UnitOfWork, deps: Deps, token: str) -> Preapproval:
    """Return the pre-approval of a browser, in the caller's transaction. Raises Unauthenticated."""
    asked = uow.preapprovals.by_token(token_hash(token)) if token else None
    if asked is None or asked.is_over(deps.clock.now()):
        raise unknown_visitor()
    return asked


def token_hash(token: str) -> str:
    """Return what is stored of a browser's secret."""
    return hashlib.sha256(token.encode()).hexdigest()
