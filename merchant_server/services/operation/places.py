"""Where a merchant sells: stores, and tills in them. Nothing is deleted; what is closed sells nothing new."""

from dataclasses import replace

from merchant_server.domain.errors import NotFound
from merchant_server.domain.merchant import Store, Till
from merchant_server.ports import UnitOfWork
from merchant_server.services.deps import Deps


def create_store(deps: Deps, merchant_id: str, name: str) -> Store:
    """Store a new store of a merchant."""
    with deps.storage.unit_of_work() as uow:
        return add_store(uow, deps, merchant_id, name)


def add_store(uow: UnitOfWork, deps: Deps, merchant_id: str, name: str) -> Store:
    """Store a new store in a transaction that is open."""
    store = Store(deps.ids.new("sto"), merchant_id, name)
    uow.merchants.add_store(store)
    return store


def find_store(uow: UnitOfWork, merchant_id: str, store_id: str) -> Store:
    """Return a merchant's store, or raise NotFound; another merchant's is not found either."""
    for store in uow.merchants.stores(merchant_id):
        if store.id == store_id:
            return store
    raise NotFound("there is no such store", hint="GET /v1/stores lists your stores")


def change_store(uow: UnitOfWork, merchant_id: str, store_id: str, changes: dict[str, str]) -> Store:
    """Change a store's name or status; closing it twice is closing it once. Raises NotFound."""
    store = replace(find_store(uow, merchant_id, store_id), **changes)
    uow.merchants.save_store(store)
    return store


def create_till(deps: Deps, merchant_id: str, store_id: str, name: str) -> Till:
    """Store a new till of a store. Raises NotFound for a store of somebody else."""
    with deps.storage.unit_of_work() as uow:
        return add_till(uow, deps, merchant_id, store_id, name)


def add_till(uow: UnitOfWork, deps: Deps, merchant_id: str, store_id: str, name: str) -> Till:
    """Store a new till in a transaction that is open. Raises NotFound for a store of somebody else."""
    till = Till(deps.ids.new("til"), merchant_id, find_store(uow, merchant_id, store_id).id, name)
    uow.merchants.add_till(till)
    return till


def find_till(uow: UnitOfWork, merchant_id: str, till_id: str) -> Till:
    """Return a merchant's till, or raise NotFound; another merchant's is not found either."""
    for till in uow.merchants.tills(merchant_id):
        if till.id == till_id:
            return till
    raise NotFound("there is no such till", hint="GET /v1/tills lists your tills")


def change_till(uow: UnitOfWork, merchant_id: str, till_id: str, changes: dict[str, str]) -> Till:
    """Change a till's name or status; closing it twice is closing it once. Raises NotFound."""
    till = replace(find_till(uow, merchant_id, till_id), **changes)
    uow.merchants.save_till(till)
    return till
