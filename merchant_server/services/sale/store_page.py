"""What a store's printed sticker opens: the store, its plans and what to ask the cashier. Nothing to pay (law 9)."""

from dataclasses import dataclass

from fenqi.finance.plan import Plan

from merchant_server.domain.errors import NotFound
from merchant_server.domain.merchant import Merchant, Store
from merchant_server.services.deps import Deps, merchant_of

# Letters and digits that nobody mistakes for one another; upper case keeps the sticker's QR code small.
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 7


@dataclass(frozen=True, slots=True)
class StorePage:
    """One store as its sticker shows it."""

    merchant: Merchant
    store: Store
    plans: tuple[Plan, ...]


def sticker_link(deps: Deps, store_id: str) -> str:
    """Return the link for a store's sticker; a store keeps its code. Raises NotFound."""
    with deps.storage.unit_of_work() as uow:
        known = {store.id: store for each in uow.merchants.all() for store in uow.merchants.stores(each.id)}
        store = known.get(store_id)
        if store is None:
            raise NotFound("there is no such store", store_id=store_id)
        digits = deps.ids.digits(3 * CODE_LENGTH)
        letters = (
            CODE_ALPHABET[int(digits[at : at + 3]) % len(CODE_ALPHABET)] for at in range(0, len(digits), 3)
        )
        code = uow.store_codes.put("".join(letters), store, deps.clock.now())
    return f"{deps.public_url}/s/{code}"


def store_page(deps: Deps, code: str) -> StorePage:
    """Return the store behind a sticker's code, in either case. Raises NotFound."""
    with deps.storage.reading() as uow:
        store = uow.store_codes.store(code.upper())
        if store is None:
            raise NotFound("there is no such store", hint="type the code as it is printed")
        merchant = merchant_of(uow, store.merchant_id)
        return StorePage(merchant, store, tuple(uow.merchants.plans(merchant.id, "test")))
