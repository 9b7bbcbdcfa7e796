"""Callbacks that wait for a person: looking at them, and saying what was done. Nothing of them is ever applied."""

from merchant_server.domain.errors import NotFound
from merchant_server.domain.quarantine import QuarantinedCallback, handling_note
from merchant_server.services.deps import Deps

LISTED_MAX = 50


def quarantined(deps: Deps) -> tuple[QuarantinedCallback, ...]:
    """Return what nobody has handled, the oldest first."""
    with deps.storage.reading() as uow:
        return tuple(uow.callbacks.quarantined(LISTED_MAX))


def handle(deps: Deps, gateway_account: str, event_id: str, *, note: str, by: str) -> None:
    """Say what was done about a quarantined callback; a second time changes nothing.

    Raises NotFound, RuleRefused (handling_note_invalid).
    """
    text, now = handling_note(note), deps.clock.now()
    with deps.storage.unit_of_work() as uow:
        if not uow.callbacks.is_quarantined(gateway_account, event_id):
            raise NotFound("there is no such callback in quarantine", hint="open the list anew")
        if not uow.callbacks.handle(gateway_account, event_id, at=now, by=by, note=text):
            return
        uow.audit.add(
            deps.ids.new("aud"),
            at=now,
            actor=f"reviewer {by}",
            action="callback.handled",
            subject=event_id,
            detail={"gateway_account": gateway_account, "note": text},
        )
