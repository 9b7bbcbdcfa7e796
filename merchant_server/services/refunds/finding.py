"""Looking refunds up for their merchant."""

from merchant_server.domain.errors import NotFound
from merchant_server.domain.merchant import Caller
from merchant_server.domain.refund import Refund
from merchant_server.services.deps import Deps


def find_refund(deps: Deps, caller: Caller, refund_id: str) -> Refund:
    """Return the caller's refund. Raises NotFound; another merchant's is not found either."""
    with deps.storage.reading() as uow:
        refund = uow.refunds.get(refund_id)
    if refund is None or (refund.merchant_id, refund.mode) != (caller.merchant_id, caller.mode):
        raise NotFound("there is no such refund", hint="check the id, and that the key is of the same mode")
    return refund


def list_refunds(
    deps: Deps, caller: Caller, before: str | None, limit: int, loan_id: str | None, status: str | None
) -> list[Refund]:
    """Return up to `limit` of the caller's refunds, newest first, older than `before`."""
    with deps.storage.reading() as uow:
        return uow.refunds.page(
            caller.merchant_id, caller.mode, before=before, limit=limit, loan_id=loan_id, status=status
        )
