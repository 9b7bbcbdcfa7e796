"""Coming in to one's own page: a code to the number, and the end of the id number, since numbers change hands.

Nobody learns here whether a number is known: a code is sent in any case, and what is wrong is said only afterwards.
"""

import hashlib
import hmac

from merchant_server.domain.errors import Erased, RuleRefused
from merchant_server.domain.my_visit import ID_NUMBER_END, MyVisit, signed_out
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps
from merchant_server.services.sale.code_limits import spend_code
from merchant_server.services.sale.codes import new_code, parse_phone, send, wrong_code

TOKEN_BYTES = 32
TEXTS = {
    "zh-CN": "【fenqi 分期】您正在登录本人页面，验证码 {digits}，10 分钟内有效。请勿告诉他人。",
    "en": "[fenqi] Your code for your own page is {digits}, good for 10 minutes. Tell nobody.",
}


def ask_to_come_in(deps: Deps, phone_text: str, language: str, *, address: str | None = None) -> str:
    """Send a code to a typed number and return the secret of a new visit, for a cookie.

    Raises RuleRefused (phone_invalid, code_rate_limited, codes_paused), Unavailable.
    """
    phone = parse_phone(phone_text)
    token, now = deps.ids.token(TOKEN_BYTES), deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        phone_index = uow.visits.phone_index(phone)
        spend_code(uow, deps, "my", phone_index, address=address)
        visit = MyVisit(deps.ids.new("vis"), _hash(token), phone_index, None, now, now)
        uow.visits.add(visit)
        code, digits = new_code(deps, "my", visit.id, bound_to=phone_index, phone_index=phone_index)
        uow.visits.add_code(visit.id, code)
    send(deps, phone, code.id, TEXTS[language].format(digits=digits))
    return token


def come_in(deps: Deps, token: str, digits: str, id_number_end: str) -> str:
    """Let a browser in by its code and the last four characters of the id number; return the visit's new secret.

    The code is used up once it is right, whatever the rest is. Raises RuleRefused (code_wrong and its kin,
    my_nobody), Unauthenticated when the visit is over.
    """
    with deps.storage.unit_of_work() as uow:
        visit = _visit(uow, deps, token)
        code = uow.visits.newest_code(visit.id)
        if code is None or visit.consumer_id is not None:
            raise signed_out()
        attempt = code.attempt("".join(digits.split()), deps.code_key, deps.clock.now())
        uow.visits.record_try(attempt.code)
        found = _person(uow, visit.phone_index, id_number_end) if attempt.right else None
        secret = deps.ids.token(TOKEN_BYTES)
        if found is not None:
            uow.visits.save(visit.let_in(found, _hash(secret), deps.clock.now()))
            _record(uow, deps, found, "my.signed_in")
    if not attempt.right:
        raise wrong_code()
    if found is None:
        raise RuleRefused(
            "nobody with this number and this end of an id number applied here",
            code="my_nobody",
            hint="use the number that you gave when you applied",
        )
    return secret


def _person(uow: UnitOfWork, phone_index: str, id_number_end: str) -> str | None:
    """Return who applied from this number, if the identity check said that it is theirs."""
    typed = "".join(id_number_end.split()).upper().encode()
    for consumer_id, decision_id in uow.people.applications_from(phone_index):
        try:
            consumer, answered = uow.consumers.get(consumer_id), uow.decisions.get(decision_id)
        except Erased:
            continue
        if consumer is None or answered is None or answered[0].identity != "match":
            continue
        if hmac.compare_digest(consumer.person.id_number[-ID_NUMBER_END:].upper().encode(), typed):
            return consumer_id
    return None


def who_is_there(deps: Deps, token: str) -> str:
    """Return the consumer of a visit, and note that they are still there. Raises Unauthenticated."""
    now = deps.clock.now()
    with deps.storage.reading() as uow:
        visit = _visit(uow, deps, token)
    if visit.consumer_id is None:
        raise signed_out()
    if visit.is_due_to_be_seen(now):
        with deps.storage.unit_of_work() as uow:
            visit = _visit(uow, deps, token)
            uow.visits.save(
                MyVisit(
                    visit.id, visit.token_hash, visit.phone_index, visit.consumer_id, visit.created_at, now
                )
            )
    assert visit.consumer_id is not None
    return visit.consumer_id


def leave(deps: Deps, token: str) -> None:
    """End a visit; leaving twice changes nothing."""
    with deps.storage.unit_of_work() as uow:
        visit = uow.visits.by_token(_hash(token))
        if visit is not None:
            uow.visits.end(visit.id)


def _visit(uow: UnitOfWork, deps: Deps, token: str) -> MyVisit:
    visit = uow.visits.by_token(_hash(token)) if token else None
    if visit is None or visit.is_over(deps.clock.now()):
        raise signed_out()
    return visit


def _record(uow: UnitOfWork, deps: Deps, consumer_id: str, action: str) -> None:
    uow.audit.add(
        deps.ids.new("aud"),
        at=deps.clock.now(),
        actor=f"consumer {consumer_id}",
        action=action,
        subject=consumer_id,
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
