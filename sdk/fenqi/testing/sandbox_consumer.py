"""A consumer for a sandbox installation: walks the pages of a payment over HTTP and reads the codes from the desk.

For making things happen in test mode only; it knows the pages and their forms, and no rule of the server.
"""

import html
import random
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import requests

from fenqi.errors import ConnectionFailed, FenqiError

if TYPE_CHECKING:
    from fenqi.api.transport import Clock

_INPUT: Final = re.compile(r"<input\b[^>]*>")
_ATTRIBUTE: Final = re.compile(r'([a-z_-]+)="([^"]*)"')
_TIMEOUT: Final = (3.05, 30)
_STEPS_MAX: Final = 60
_CONSENTS: Final = ("identity_check", "credit_report", "terms")
# A person whom the sandbox's identity check does not know, so that every policy says no.
STRANGER: Final = "110101199003079104"
# Where a checkout in a state is at home, as the last part of the page's address.
PAGES: Final[Mapping[str, str]] = {
    "opened": "start",
    "offered": "plan",
    "declined": "decision",
    "signing": "agreement",
    "authorized": "done",
    "captured": "done",
}


class ConsumerStuck(FenqiError):
    """The pages lead nowhere: no sandbox, no desk, or a limit of codes. The message says which page, and its words."""

    default_code = "consumer_stuck"


class SandboxConsumer:
    """One phone. `account` are the last digits of the account to pay from; each instance is another person."""

    def __init__(
        self, base_url: str, clock: "Clock", *, id_number: str | None = None, account: str = "0001"
    ) -> None:
        self._base_url, self._clock = base_url.rstrip("/"), clock
        chance = random.SystemRandom()
        self.id_number = id_number or _id_number(chance)
        self.number = f"139{chance.randrange(10**8):08d}"
        self._account = account
        self._session = requests.Session()

    def walk(self, url: str, status: str) -> None:
        """Go through the payment behind a link until its checkout has this status. Raises ConsumerStuck.

        status: opened, offered, declined, signing, authorized or captured.
        """
        for _ in range(_STEPS_MAX):
            page, body = self._open(url)
            decided = page == "decision" and "data-wait" not in body
            if page == PAGES[status] or decided:
                if page != PAGES[status]:
                    raise ConsumerStuck(f"The sandbox did not approve {self.id_number}.")
                return
            self._act(page, url, body)
        raise ConsumerStuck(f"Nothing moved any more at {url}.")

    def ask_for_review(self, url: str) -> None:
        """Ask that a person looks at a refusal. Raises ConsumerStuck."""
        self._send(f"{url}/decision")

    def revoke(self, loan_id: str) -> None:
        """Take the permission to deduct back on the person's own page. Raises ConsumerStuck."""
        self._come_in()
        self._send(f"{self._my}/loans/{loan_id}/mandate")

    def dispute(self, loan_id: str) -> None:
        """Object to a purchase on the person's own page. Raises ConsumerStuck."""
        self._come_in()
        self._send(
            f"{self._my}/loans/{loan_id}/dispute", reason="not_received", text="fenqi trigger", amount=""
        )

    @property
    def _my(self) -> str:
        return f"{self._base_url}/my"

    def _come_in(self) -> None:
        before, _ = self._newest()
        token = _values(self._call("GET", self._my).text, "csrf_token")[0]
        page = self._call("POST", f"{self._my}/phone", {"csrf_token": token, "phone": self.number}).text
        token = _values(page, "csrf_token")[0]
        code = {"code": self._code_after(before), "id_number_end": self.id_number[-4:]}
        self._call("POST", f"{self._my}/code", {"csrf_token": token, **code})

    def _act(self, page: str, url: str, body: str) -> None:
        if page == "start":
            before, _ = self._newest()
            self._send(f"{url}/phone", phone=self.number)
            self._send(f"{url}/code", code=self._code_after(before))
            self._send(f"{url}/apply", name="王小明", id_number=self.id_number, consent=_CONSENTS)
        elif page == "plan":
            plan = _values(body, "plan_id")[0]
            accounts = _values(body, "account_token")
            account = next((each for each in accounts if self._account in _label(body, each)), accounts[0])
            self._send(f"{url}/plan", plan_id=plan, account_token=account)
        elif page == "agreement":
            left = re.search(r'data-reading-seconds="(\d+)"', body)
            self._clock.sleep(int(left.group(1)) + 0.2 if left else 0.2)
            before, _ = self._newest()
            self._send(f"{url}/agreement", confirmed="1")
            self._send(f"{url}/sign", code=self._code_after(before))
        else:
            self._clock.sleep(0.5)

    def _open(self, url: str) -> tuple[str, str]:
        answer = self._call("GET", url)
        return _name(answer.url), answer.text

    def _send(self, url: str, **fields: str | tuple[str, ...]) -> None:
        """Fill in the form of a page and send it; another page than asked for is where the payment stands."""
        form = self._call("GET", url)
        if _name(form.url) == _name(url):
            hidden = {
                each["name"]: each.get("value", "")
                for each in _inputs(form.text)
                if each.get("type") == "hidden"
            }
            self._call("POST", url, hidden | fields)

    def _call(
        self, method: str, url: str, form: Mapping[str, str | tuple[str, ...]] | None = None
    ) -> requests.Response:
        try:
            answer = self._session.request(method, url, data=form, timeout=_TIMEOUT)
        except requests.RequestException as error:
            raise ConnectionFailed(f"The pages at {url} do not answer: {type(error).__name__}.") from None
        if answer.status_code >= 400:
            words = re.sub(r"<[^>]*>|\s+", " ", answer.text.partition('role="alert"')[2])[:160].strip(" >")
            raise ConsumerStuck(f"The page {_name(url)} answered {answer.status_code}. {words}".strip())
        return answer

    def _newest(self) -> tuple[int, str]:
        """Return the number and the code of the desk's newest text message."""
        page = self._call("GET", f"{self._base_url}/desk/panels").text
        newest = re.search(r'data-newest="(\d+)"', page)
        code = re.search(r'<p class="code">(\d{6})</p>', page)
        return (int(newest.group(1)) if newest else 0), (code.group(1) if code else "")

    def _code_after(self, before: int) -> str:
        for _ in range(50):
            number, code = self._newest()
            if number > before and code:
                return code
            self._clock.sleep(0.2)
        raise ConsumerStuck("No text message arrived; is the sandbox running, and the desk on?")


def _name(url: str) -> str:
    parts = urlsplit(url).path.strip("/").split("/")
    return parts[2] if len(parts) > 2 else "start"


def _inputs(body: str) -> list[dict[str, str]]:
    return [
        {key: html.unescape(value) for key, value in _ATTRIBUTE.findall(tag)} for tag in _INPUT.findall(body)
    ]


def _values(body: str, name: str) -> list[str]:
    found = [each.get("value", "") for each in _inputs(body) if each.get("name") == name]
    if not found:
        raise ConsumerStuck(f"The page has no field {name}.")
    return found


def _label(body: str, value: str) -> str:
    return body.partition(value)[2].partition("</label>")[0]


def _id_number(chance: random.Random) -> str:
    """Return a well-formed resident id number (GB 11643) of somebody born in the eighties, whom nobody is."""
    body = f"110101198{chance.randrange(10)}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}"
    body += f"{chance.randrange(1000):03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    rest = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11
    return body + "10X98765432"[rest]
