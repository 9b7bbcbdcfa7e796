"""The parts that one running store is made of, and how a view reaches them. Only `app.py` builds them."""

from collections.abc import Callable
from dataclasses import dataclass

from fenqi import Client
from flask import current_app

from demo_store.catalog import Catalog
from demo_store.clock import Clock
from demo_store.inbox import WebhookInbox
from demo_store.live import LiveCheckouts
from demo_store.orders import OrderBook
from demo_store.plans import PlanShelf
from demo_store.returns import ReturnBook
from demo_store.settings import Settings

EXTENSION = "demo_store"


@dataclass(frozen=True, slots=True)
class Shop:
    """Everything a view may use."""

    settings: Settings
    client: Client
    clock: Clock
    new_token: Callable[[], str]
    catalog: Catalog
    orders: OrderBook
    inbox: WebhookInbox
    plans: PlanShelf
    live: LiveCheckouts
    returns: ReturnBook


def shop() -> Shop:
    """Return the parts of the app that handles this request."""
    parts: Shop = current_app.extensions[EXTENSION]
    return parts
