"""Invented people who buy, visit their own pages and can be told apart; every one has a history that is approved."""

import re
from dataclasses import dataclass
from html import unescape

from flask.testing import FlaskClient
from stdnum.cn import ric
from werkzeug.test import TestResponse

from merchant_server.domain.checkout import Checkout
from merchant_server.domain.decision import Bureau
from merchant_server.services.person.visits import ask_to_come_in, come_in
from merchant_server.services.sale import approval, claims, codes
from tests.installation import Installation

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
NAMES = "龙凤山石江湖云雨雪松竹梅兰"


@dataclass(frozen=True)
class Somebody:
    """One person with a phone; `number` makes everything about them different."""

    number: int

    @property
    def name(self) -> str:
        rare = bytes([0xB0 + self.number // 90, 0xA1 + self.number % 90]).decode("gb2312")
        return f"钱{NAMES[self.number % len(NAMES)]}{rare}"

    @property
    def id_number(self) -> str:
        body = f"11010119880808{100 + self.number:03}"
        return body + ric.calc_check_digit(body + "0")

    @property
    def phone(self) -> str:
        return f"+86139{12_345_000 + 37 * self.number:08}"

    @property
    def claim(self) -> str:
        return f"claim-of-{self.number}-" + "x" * 22


def apply(house: Installation, who: Somebody, **draft: object) -> Checkout:
    """Go from the QR to the decision as `who`."""
    house.bureau.reports[who.id_number] = Bureau("found", score=800)
    checkout = house.checkout(**draft)  # type: ignore[arg-type]
    claims.open_link(house.deps, checkout.token, who.claim)
    codes.send_phone_code(house.deps, checkout.token, who.claim, who.phone)
    codes.check_phone_code(house.deps, checkout.token, who.claim, house.last_code())
    house.clock.pass_(minutes=4)
    return approval.apply(
        house.deps,
        checkout.token,
        who.claim,
        name=who.name,
        id_number=who.id_number,
        consents=approval.CONSENTS,
    )


def sell(
    house: Installation, who: Somebody, *, plan: str = "p3", account: str = "0001", **draft: object
) -> Checkout:
    """Make one whole sale to `who`."""
    checkout = apply(house, who, **draft)
    house.choose(checkout, plan=plan, account=account, claim=who.claim)
    return house.sign(checkout, claim=who.claim)


def repay(house: Installation, months: int = 3) -> None:
    """Let the months pass, and the worker collect."""
    for _ in range(months):
        house.advance(months=1)
        house.work()


def come_to_my_page(house: Installation, who: Somebody) -> str:
    """Sign in through the services; return the visit's secret."""
    token = ask_to_come_in(house.deps, who.phone, "zh-CN")
    return come_in(house.deps, token, house.last_code(), who.id_number[-4:])


class Visitor:
    """One browser on /my; it sends the hidden fields of the page that it saw last."""

    def __init__(self, house: Installation, who: Somebody, client: FlaskClient | None = None) -> None:
        self.house, self.who = house, who
        self.client = client or house.client
        self.hidden: dict[str, str] = {}

    def get(self, page: str = "", **headers: str) -> TestResponse:
        """Open a page."""
        answer = self.client.get(f"/my{page}", headers=headers)
        if answer.mimetype == "text/html":
            self.hidden |= {name: unescape(value) for name, value in _HIDDEN.findall(answer.text)}
        return answer

    def post(self, page: str, **fields: str) -> TestResponse:
        """Send a form."""
        return self.client.post(f"/my{page}", data=self.hidden | fields)

    def sign_in(self) -> TestResponse:
        """Come in; the answer is the page itself."""
        self.get()
        assert self.post("/phone", phone=self.who.phone).headers["Location"] == "/my/code"
        self.get("/code")
        answer = self.post("/code", code=self.house.last_code(), id_number_end=self.who.id_number[-4:])
        assert answer.headers["Location"] == "/my", answer.text
        return self.get()
