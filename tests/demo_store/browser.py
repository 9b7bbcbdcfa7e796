"""A browser in front of the demo store, and the fenqi behind it: what the tests of this folder speak through."""

import json
import re
from dataclasses import dataclass
from typing import Any

from fenqi import Event
from fenqi.testing import FakeServer, sign
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from demo_store.database import opened
from demo_store.orders import Order
from demo_store.settings import Store, Till
from demo_store.wiring import EXTENSION, Shop

STORES = (Store("sto_1", "Jing'an"), Store("sto_2", "Xuhui"))
TILLS = (Till("til_1", "Counter 1", "sto_1"), Till("til_2", "Counter 2", "sto_2"))


@dataclass
class Demo:
    """The store, the fenqi behind it, and one browser."""

    app: Flask
    server: FakeServer
    browser: FlaskClient

    @property
    def parts(self) -> Shop:
        parts: Shop = self.app.extensions[EXTENSION]
        return parts

    def post(
        self, path: str, form: dict[str, Any] | None = None, *, page: str = "/products/phone"
    ) -> TestResponse:
        """Post a form as a browser does: with the token of a page it has loaded."""
        return self.browser.post(path, data={"csrf_token": self.csrf(page)} | (form or {}))

    def csrf(self, page: str = "/products/phone") -> str:
        return field(self.browser.get(page).text, "csrf_token")

    def pay_cart(self, *skus: str) -> Order:
        """Fill the cart, press "pay in installments", and return the order."""
        for sku in skus or ("phone",):
            self.post("/cart", {"sku": sku})
        form_token = field(self.browser.get("/cart").text, "form_token")
        answer = self.post("/pay", {"form_token": form_token})
        assert answer.status_code == 303, answer.text
        return self.last_order()

    def till_sale(self, amount: str = "3999.00", **form: Any) -> Order:
        """Choose the first store, type an amount, show the QR, and return the order."""
        self.post("/till/store", {"store_id": "sto_1"}, page="/till")
        token = field(self.browser.get("/till").text, "form_token")
        answer = self.post("/till/sales", {"amount": amount, "form_token": token} | form, page="/till")
        assert answer.status_code == 303, answer.text
        return self.last_order()

    def orders(self) -> list[dict[str, Any]]:
        with opened(self.parts.settings.database) as db:
            return list(db.query("SELECT * FROM orders ORDER BY number"))

    def last_order(self) -> Order:
        found = self.parts.orders.find(self.orders()[-1]["id"])
        assert found is not None
        return found

    def order(self, order_id: str) -> Order:
        found = self.parts.orders.find(order_id)
        assert found is not None
        return found

    def event(self, kind: str, reference: str) -> Event:
        """Return the newest event of a type about one order."""
        return [e for e in self.server.events if e.type == kind and e.data.get("reference") == reference][-1]

    def deliver(self, event: Event, *, secret: str | None = None, **changes: Any) -> TestResponse:
        """Push an event as fenqi does; `changes` alter its data before it is signed."""
        raw = json.loads(json.dumps(dict(event.raw)))
        raw["mode"] = changes.pop("mode", raw["mode"])
        raw["data"] |= changes
        body = json.dumps(raw, ensure_ascii=False).encode()
        now = self.server.clock.now()
        headers = sign(body, secret or self.server.webhook_secret, message_id=event.id, sent_at=now)
        return self.browser.post("/webhooks/fenqi", data=body, headers=headers)

    def inbox(self) -> list[dict[str, Any]]:
        with opened(self.parts.settings.database) as db:
            return list(db.query("SELECT * FROM webhook_inbox"))


def field(page: str, name: str) -> str:
    """Return the value of a hidden field of a page."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"the page has no field {name}"
    return found.group(1)
