"""A phone without scripts: it opens pages, fills in the forms that it finds there, and follows redirects when told."""

import re
from html import unescape
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from merchant_server.domain.checkout import Checkout
from merchant_server.services.sale.approval import CONSENTS
from tests.installation import ID_NUMBER, NAME, Installation

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


class Phone:
    """One browser on one payment."""

    def __init__(
        self, installation: Installation, checkout: Checkout, client: FlaskClient | None = None
    ) -> None:
        self.installation, self.checkout = installation, checkout
        self.client = client or installation.client
        self.home = f"/p/{checkout.token}"
        self.hidden: dict[str, str] = {}

    def get(self, page: str = "", **headers: str) -> TestResponse:
        """Open a page and remember the hidden fields of its forms."""
        answer = self.client.get(self.home + page, headers=headers)
        if answer.headers.get("Location", "").endswith("?cookie=1"):
            # The first answer gives the cookie; the second request takes hold.
            answer = self.client.get(answer.headers["Location"], headers=headers)
            answer = self.client.get(self.home + page, headers=headers) if page else answer
        if answer.mimetype == "text/html":
            self.hidden |= {name: unescape(value) for name, value in _HIDDEN.findall(answer.text)}
        return answer

    def post(self, page: str, fields: dict[str, Any] | None = None, **headers: str) -> TestResponse:
        """Send a form with the hidden fields that were seen last."""
        return self.client.post(self.home + page, data=self.hidden | (fields or {}), headers=headers)

    def fill(self, page: str, **fields: Any) -> TestResponse:
        """Open a page and send its form."""
        assert self.get(page).status_code == 200
        return self.post(page, fields)

    def verify(self, number: str = "138 0013 8000") -> TestResponse:
        """Go from the link to a verified number."""
        assert self.get().status_code == 200
        assert self.fill("/phone", phone=number).status_code == 303
        return self.fill("/code", code=self.installation.last_code())

    def apply(self, id_number: str = ID_NUMBER, name: str = NAME) -> TestResponse:
        """Go from the link to the decision."""
        assert self.verify().headers["Location"].endswith("/apply")
        return self.fill("/apply", name=name, id_number=id_number, consent=list(CONSENTS))

    def choose(self, plan: str = "p12", account: str = "0001") -> TestResponse:
        """Choose a plan and an account on the page of plans."""
        page = self.get("/plan")
        labels = re.findall(r'name="account_token" value="([^"]+)".*?</label>', page.text, re.S)
        shown = re.findall(r'<label for="account-\d+">([^<]+)</label>', page.text)
        token = next(token for token, label in zip(labels, shown, strict=True) if account in label)
        return self.post("/plan", {"plan_id": plan, "account_token": token})

    def read(self) -> TestResponse:
        """Read the agreement for its reading time and ask for the signing code."""
        assert self.get("/agreement").status_code == 200
        self.installation.clock.pass_(seconds=11)
        return self.post("/agreement", {"confirmed": "1"})

    def to_sign(self) -> None:
        """Go from the link to the page that asks for the signing code."""
        assert self.apply().headers["Location"].endswith("/plan")
        assert self.choose().headers["Location"].endswith("/agreement")
        assert self.read().headers["Location"].endswith("/sign")
        assert self.get("/sign").status_code == 200

    def sign(self) -> TestResponse:
        """Go the whole way to the receipt."""
        self.to_sign()
        return self.post("/sign", {"code": self.installation.last_code()})

    @property
    def status(self) -> str:
        """Where the checkout stands."""
        return str(self.installation.now(self.checkout).status)
