"""A consumer's phone without a screen: walks the pages below /p/<token> over HTTP, as a person would, reload and all.

It knows the pages and their forms, and reads its text messages from the sandbox's inbox; it imports no server code.
"""

import html
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests

_INPUT = re.compile(r"<input\b[^>]*>")
_ATTRIBUTE = re.compile(r'([a-z_-]+)="([^"]*)"')
_CODE = re.compile(r"\d{6}")
PATIENCE_SECONDS = 90.0


class Stuck(Exception):
    """The pages lead nowhere that a person could go on from. Attributes: page."""

    def __init__(self, page: str, why: str) -> None:
        self.page = page
        super().__init__(f"at {page}: {why}")


@dataclass
class Inbox:
    """The sandbox's text messages."""

    url: str
    api_key: str

    def newest(self, phone: str) -> tuple[int, str]:
        """Return (how many messages a number has, the code of the newest or "")."""
        found = requests.get(
            f"{self.url}/sms/v1/messages", params={"phone": phone}, timeout=5,
            headers={"Authorization": f"Bearer {self.api_key}"},
        ).json()["messages"]  # fmt: skip
        return len(found), _CODE.search(found[-1]["text"]).group() if found else ""  # type: ignore[union-attr]


@dataclass
class Phone:
    """One person with one phone. `account` are the last four digits of the bank account to pay from."""

    inbox: Inbox
    number: str
    name: str
    id_number: str
    plan_id: str
    account: str = "0001"
    session: requests.Session = field(default_factory=requests.Session)
    page: str = "start"
    verified: bool = False

    def buy(self, url: str, patience_seconds: float = PATIENCE_SECONDS) -> str:
        """Go from the scanned link to the receipt; return the last page's name. A lost connection is a reload.

        Ends at "done" or "decision" (a no). Raises Stuck when nothing moves for `patience_seconds`.
        """
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            try:
                page, body = self._open(url)
                if page == "done" or (page == "decision" and "data-wait" not in body):
                    return page
                self._act(page, url, body)
            except requests.RequestException:
                time.sleep(0.1)
        raise Stuck(self.page, "nothing moved any more")

    def _open(self, url: str) -> tuple[str, str]:
        answer = self.session.get(url, timeout=15)
        if answer.status_code >= 500:
            raise requests.ConnectionError(f"HTTP {answer.status_code}")
        self.page = _name(answer.url)
        if answer.status_code >= 400:
            raise Stuck(self.page, f"HTTP {answer.status_code}")
        return self.page, answer.text

    def _act(self, page: str, url: str, body: str) -> None:
        steps: dict[str, Callable[[str, str], None]] = {
            "start": self._start, "plan": self._plan, "agreement": self._agreement, "sign": self._sign,
        }  # fmt: skip
        step = steps.get(page)
        if step is None:
            time.sleep(0.3)
        else:
            step(url, body)

    def _start(self, url: str, _: str) -> None:
        if not self.verified:
            self._verify(url)
        consents = ("identity_check", "credit_report", "terms")
        page = self._send(f"{url}/apply", name=self.name, id_number=self.id_number, consent=consents)
        self.verified = page not in ("phone", "code")

    def _verify(self, url: str) -> None:
        before, code = self.inbox.newest(self.number)
        if before == 0:
            self._send(f"{url}/phone", phone=self.number)
            code = self._await_code(before)
        self.verified = self._send(f"{url}/code", code=code) == "apply"
        if not self.verified:
            self._send(f"{url}/phone", phone=self.number)
            self.verified = self._send(f"{url}/code", code=self._await_code(before)) == "apply"

    def _plan(self, url: str, body: str) -> None:
        account = next(
            attributes["value"] for attributes in _inputs(body, "account_token")
            if self.account in body.partition(attributes["value"])[2].partition("</label>")[0]
        )  # fmt: skip
        self._send(f"{url}/plan", plan_id=self.plan_id, account_token=account)

    def _agreement(self, url: str, body: str) -> None:
        left = re.search(r'data-reading-seconds="(\d+)"', body)
        time.sleep(int(left.group(1)) + 0.1 if left else 0.1)
        before, _ = self.inbox.newest(self.number)
        if self._send(f"{url}/agreement", confirmed="1") == "sign":
            self._sign(url, self._open(f"{url}/sign")[1], self._await_code(before))

    def _sign(self, url: str, _: str, code: str = "") -> None:
        page = self._send(f"{url}/sign", code=code or self.inbox.newest(self.number)[1])
        if page != "done":
            # The code is spent or lost: ask for another one, as the page offers.
            before, _ = self.inbox.newest(self.number)
            self._send(f"{url}/agreement", confirmed="1")
            self._send(f"{url}/sign", code=self._await_code(before))

    def _await_code(self, before: int) -> str:
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            count, code = self.inbox.newest(self.number)
            if count > before:
                return code
            time.sleep(0.05)
        return self.inbox.newest(self.number)[1] or "000000"

    def _send(self, url: str, **fields: str | tuple[str, ...]) -> str:
        """Fill in the form of a page and send it; return the name of the page that answers."""
        form_page = self.session.get(url, timeout=15)
        hidden = {
            each["name"]: each.get("value", "")
            for each in _inputs(form_page.text)
            if each.get("type") == "hidden"
        }
        if _name(form_page.url) != _name(url):
            return _name(form_page.url)
        answer = self.session.post(url, data=hidden | fields, timeout=30)
        if answer.status_code >= 500:
            raise requests.ConnectionError(f"HTTP {answer.status_code}")
        if answer.status_code == 422 and _name(url) in ("phone", "apply", "plan"):
            raise Stuck(
                _name(url), re.sub(r"<[^>]*>|\s+", " ", answer.text.partition('role="alert"')[2])[:200]
            )
        return _name(answer.url)


def _name(url: str) -> str:
    parts = urlsplit(url).path.strip("/").split("/")
    return parts[2] if len(parts) > 2 else "start"


def _inputs(body: str, name: str | None = None) -> list[dict[str, str]]:
    found = [
        {key: html.unescape(value) for key, value in _ATTRIBUTE.findall(tag)} for tag in _INPUT.findall(body)
    ]
    return [each for each in found if name in (None, each.get("name"))]
