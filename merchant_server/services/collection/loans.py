"""Looking loans up for their merchant."""

from typing import Any

from merchant_server.domain.errors import NotFound
from merchant_server.domain.merchant import Caller
from merchant_server.services.deps import Deps, merchant_of
from merchant_server.services.resources import loan_resource


def find_loan(deps: Deps, caller: Caller, loan_id: str) -> dict[str, Any]:
    """Return the caller's loan as a resource. Raises NotFound; another merchant's is not found either."""
    with deps.storage.reading() as uow:
        loan = uow.loans.get(loan_id)
        if loan is None or (loan.merchant_id, loan.mode) != (caller.merchant_id, caller.mode):
            raise NotFound("there is no such loan", hint="check the id, and that the key is of the same mode")
        today = deps.today(uow, merchant_of(uow, loan.merchant_id))
        return loan_resource(loan, uow.loans.installments(loan_id), today)


def list_loans(
    deps: Deps, caller: Caller, before: str | None, limit: int, checkout_id: str | None
) -> list[dict[str, Any]]:
    """Return up to `limit` of the caller's loans as resources, newest first, older than `before`."""
    with deps.storage.reading() as uow:
        loans = uow.loans.page(
            caller.merchant_id, caller.mode, before=before, limit=limit, checkout_id=checkout_id
        )
        today = deps.today(uow, merchant_of(uow, caller.merchant_id))
        return [loan_resource(loan, uow.loans.installments(loan.id), today) for loan in loans]
