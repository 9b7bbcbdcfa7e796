"""A loopback site under a strict content security policy, a real Chromium, and offers from `fenqi.quote`."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan
from fenqi.offers import Offer, quote
from fenqi.web import static_files
from playwright.sync_api import Browser, Page

TYPES = {"js": "text/javascript", "css": "text/css", "html": "text/html", "json": "application/json"}
POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'"
PLANS = (
    Plan(id="p3", installments=3, annual_rate="0"),
    Plan(id="p12", installments=12, annual_rate="0.12"),
    Plan(id="p24", installments=24, annual_rate="0.1499", down_payment_rate="0.2", name="轻松 24"),
)

Opener = Callable[..., Page]
SCRIPT = "/fenqi-offers.js"
EVERY_PLAN = (
    *PLANS,
    Plan(id="ep", installments=6, annual_rate="0.08", method="equal_principal", disclosure="EU"),
    Plan(
        id="io",
        installments=6,
        annual_rate="0.10",
        method="interest_only",
        up_front_fee_rate="0.01",
        disclosure="US",
    ),
    Plan(id="ff", installments=12, method="flat_fee", fee_rate="0.006", installment_fee_minor=100),
    Plan(
        id="uf",
        installments=4,
        annual_rate="0.1",
        up_front_fee_rate="0.02",
        up_front_fee="financed",
        period="2 weeks",
    ),
    Plan(id="sb", installments=5, annual_rate="0.1", subsidy_bps=5000, disclosure="UK", name="<b>x</b>"),
    Plan(id="bu", installments=1, annual_rate="0.1", method="bullet", first_due_after="3 months"),
    Plan(
        id="lt",
        installments=3,
        annual_rate="0.08765",
        early_settlement_fee_rate="0.00625",
        penalty_annual_rate="0.18",
    ),
    Plan(id="cb", installments=6, annual_rate="0.1", cash_back_bps={"merchant": 100, "brand": 50}),
)
INSIDE = "document.querySelector('fenqi-offers').shadowRoot.querySelector('.fo')"


def offers_for(
    minor: int = 399900, currency: str = "CNY", plans: tuple[Plan, ...] = PLANS
) -> list[dict[str, Any]]:
    """Return offer JSON for an amount, as a shop would send it."""
    return [offer.to_dict() for offer in priced(minor, currency, plans)]


def priced(minor: int = 399900, currency: str = "CNY", plans: tuple[Plan, ...] = PLANS) -> tuple[Offer, ...]:
    """Return the offers of an amount on a fixed day."""
    return quote(Money(minor, currency), plans, on=date(2026, 11, 21))


def shown(page: Page, index: int = 0) -> str:
    """Return the text in the shadow tree, white space folded."""
    text = (
        page.locator("fenqi-offers")
        .nth(index)
        .evaluate("host => host.shadowRoot.querySelector('.fo').textContent")
    )
    return " ".join(text.split())


def record(page: Page) -> None:
    """Keep the detail of every event of the element in window.seen."""
    page.evaluate(
        """() => { window.seen = [];
        for (const name of ['fenqi-offer-select', 'fenqi-offers-render', 'fenqi-offers-error'])
          document.addEventListener(name, (event) => window.seen.push([name, event.detail?.plan?.id ?? null])); }"""
    )


@dataclass
class Site:
    """Pages by path, the requests that came, and how `/offers` answers."""

    address: str = ""
    pages: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    failing: bool = False
    policy: str = POLICY + "; require-trusted-types-for 'script'"
    gates: dict[str, threading.Event] = field(default_factory=dict)

    def page(self, body: str, *, head: str = "", attributes: str = 'lang="zh-CN"') -> str:
        """Publish a page that links the style sheet and the script; return its address."""
        self.pages["/"] = (
            f'<!doctype html><html {attributes}><head><meta charset="utf-8"><title>Shop</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<link rel="icon" href="/icon.css"><link rel="stylesheet" href="/fenqi-offers.css">'
            f'<link rel="stylesheet" href="/page.css">{head}</head>'
            f'<body><main><h1>Shop</h1>{body}<p id="below">Below</p></main></body></html>'
        ).encode()
        return self.address + "/"

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Return status, content type and body for a request path."""
        parts = urlsplit(path)
        self.requests.append(path)
        if parts.path == "/offers":
            query = parse_qs(parts.query)
            minor = query["amount"][0]
            if minor in self.gates:
                self.gates[minor].wait(10)
            if self.failing:
                return 503, "application/json", b"{}"
            offers = offers_for(int(minor), query["currency"][0])
            return 200, "application/json", json.dumps({"data": offers}).encode()
        body = self.pages.get(parts.path)
        if body is None:
            return 404, "text/plain", b"no such page"
        return (
            200,
            TYPES[parts.path.rpartition(".")[2] if "." in parts.path else "html"] + "; charset=utf-8",
            body,
        )


@pytest.fixture(name="site")
def _site() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, body = site.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", site.policy)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the test output quiet."""

    site.pages = {f"/{name}": body for name, body in static_files().items()}
    site.pages["/icon.css"] = b""
    site.pages["/page.css"] = (
        b":root{color-scheme:light dark;background:Canvas} body{font:16px/1.5 system-ui,sans-serif;margin:0}"
        b" main{max-width:36rem;margin:0 auto;padding:1rem}"
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield site
    for gate in site.gates.values():
        gate.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(name="open_page")
def _open_page(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """Open pages of the site; at the end no page may have logged an error or asked another host."""
    contexts, complaints = [], []

    def open_page(url: str, **options: Any) -> Page:
        context = browser.new_context(**({"viewport": {"width": 390, "height": 844}} | options))
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type == "error" else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: None if request.url.startswith(site.address) else complaints.append(request.url),
        )
        page.goto(url, wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()
    if not site.failing:
        assert complaints == []
