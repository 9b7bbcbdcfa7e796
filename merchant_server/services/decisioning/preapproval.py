"""How much could I spend? A decision before there is a cart, whose line serves at every store of the installation."""

from dataclasses import dataclass
from datetime import datetime

from fenqi.finance.money import Money

from merchant_server.domain.circumstances import Circumstances
from merchant_server.domain.consumer import Consumer, Person
from merchant_server.domain.decision import Outcome
from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.refusal import Refusal, public_reasons
from merchant_server.services.decisioning import deciding
from merchant_server.services.decisioning.vector import Application
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.sale.persons import require_consents

PHONE_PROOF_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Preapproval:
    """The answer: `left` may be spent until `expires_at`, or the reasons why there is no line."""

    decision_id: str
    outcome: Outcome
    grade: str
    limit: Money
    left: Money
    expires_at: datetime | None
    reasons: tuple[Refusal, ...]


def preapprove(
    deps: Deps,
    *,
    merchant_id: str,
    mode: str,
    currency: str,
    person: Person,
    consents: tuple[str, ...],
    phone_verified_at: datetime,
    circumstances: Circumstances,
) -> Preapproval:
    """Decide on a person without an amount, and grant the line (50 days, unless the policy says otherwise).

    The caller has verified the phone by a code, and says when. Raises RuleRefused, NotFound.
    """
    require_consents(consents)
    now = deps.clock.now()
    if not 0 <= (now - phone_verified_at).total_seconds() <= PHONE_PROOF_SECONDS:
        raise RuleRefused("verify your phone number first", code="phone_unverified", hint="ask for a code")
    with deps.storage.unit_of_work() as uow:
        merchant = merchant_of(uow, merchant_id)
        consumer = uow.consumers.find_or_add(Consumer(deps.ids.new("con"), person, now))
        application = Application(
            decision_id=deps.ids.new("dec"),
            consumer_id=consumer.id,
            merchant=merchant,
            mode=mode,
            currency=currency,
            amount_minor=0,
            purpose="preapproval",
            store_id=None,
            offers=(),
            circumstances=circumstances,
        )
        uow.decisions.request(
            application.decision_id,
            merchant_id=merchant_id,
            mode=mode,
            checkout_id=None,
            consumer_id=consumer.id,
            at=now,
            purpose="preapproval",
        )
        keys = circumstances.keys(person, None)
        uow.watch.note(application.decision_id, keys, mode=mode, consumer_id=consumer.id, at=now)
    decided, asked = deciding.ask_and_decide(deps, application, person, (), ())
    with deps.storage.unit_of_work() as uow:
        deciding.commit(uow, deps, application, decided, asked, deps.clock.now())
        line = uow.lines.get(consumer.id, currency) if decided.line else None
    decision, nothing = decided.record.decision, Money(0, currency)
    return Preapproval(
        decision_id=application.decision_id,
        outcome=decision.outcome,
        grade=decision.grade,
        limit=line.limit if line else nothing,
        left=max(line.left, nothing) if line else nothing,
        expires_at=line.expires_at if line else None,
        reasons=public_reasons(decision.reasons),
    )
