"""How a phone comes to a page: the cookie that holds its checkouts, and what is no phone in a hand at all."""

import re
from dataclasses import dataclass
from typing import Any

from flask import Response, g, make_response, render_template, request
from flask.typing import ResponseReturnValue

from merchant_server.domain.consent import Witness
from merchant_server.domain.errors import (
    DomainError,
    Expired,
    NotFound,
    RuleRefused,
    TransitionConflict,
    TransitionNotAllowed,
)
from merchant_server.domain.stroke import Stroke
from merchant_server.services.deps import Deps
from merchant_server.services.sale.claims import Visit, look_at_link, open_link
from merchant_server.web.consumer.steps import (
    PAGES,
    PROGRESS,
    PROGRESS_STEPS,
    Page,
    refuse_if_ended,
    step_for,
)
from merchant_server.web.error_pages import retry_header, status_for, words_for
from merchant_server.web.language import prefer_language

CLAIM_BYTES = 32
COOKIE_ASKED = "cookie"
COOKIE_SECONDS = 30 * 24 * 3600
_CLAIM = re.compile(r"[A-Za-z0-9_-]{22,128}")
# Link previews of messengers, crawlers, and mail scanners. CUBOT is a make of phone.
_ROBOT = re.compile(
    r"(?<!cu)bot\b|crawl|spider|preview|facebookexternalhit|facebot|whatsapp/|embedly|vkshare|skypeuri|"
    r"slack-imgproxy|google-pagerenderer|bytespider|urlscan",
    re.IGNORECASE,
)
_EARLY = re.compile(r"prefetch|preview|prerender", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Site:
    """What the views are given. `secure` says that phones come by https, so that the cookie can be bound to it."""

    deps: Deps
    secure: bool

    @property
    def cookie(self) -> str:
        """The name of the cookie that holds a phone's claim."""
        return "__Host-fenqi_phone" if self.secure else "fenqi_phone"


class StepElsewhere(Exception):
    """The checkout stands at another step than the page that was asked for. Attributes: page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        super().__init__(f"go to the page {page}")


class CookieFirst(Exception):
    """The browser is to show that it keeps the cookie before it takes hold of a checkout."""


def arrive(site: Site, token: str, page: Page) -> Visit:
    """Return the checkout that this phone holds, at the step of `page`.

    A phone takes hold with its second request, which brings back the cookie of the first: if an answer is lost on
    the way, it can always ask again. Raises CookieFirst for the first one, StepElsewhere for another step, and
    NotFound, Expired or RuleRefused when there is nothing to go on with.
    """
    if is_no_phone():
        return _look(site, token, page)
    if not _cookie(site):
        _ask_for_cookie(site, token)
    visit = open_link(site.deps, token, claim(site))
    prefer_language(visit.checkout.language)
    refuse_if_ended(visit.checkout, site.deps.clock.now())
    fitting = step_for(visit.checkout.status, page)
    if fitting != page:
        raise StepElsewhere(fitting)
    return visit


def _ask_for_cookie(site: Site, token: str) -> None:
    """Raise CookieFirst for a code that nobody holds, once; a browser that came back without the cookie is told."""
    checkout = look_at_link(site.deps, token).checkout
    prefer_language(checkout.language)
    if checkout.claim_hash is not None or checkout.status not in PAGES:
        return
    refuse_if_ended(checkout, site.deps.clock.now())
    if COOKIE_ASKED in request.args:
        raise RuleRefused(
            "this browser keeps no cookies", code="cookies_needed", hint="allow cookies for this page"
        )
    raise CookieFirst


def ask_for_cookie(site: Site, response: Response) -> Response:
    """Put a new claim into the browser's cookie."""
    response.set_cookie(
        site.cookie,
        claim(site),
        max_age=COOKIE_SECONDS,
        path="/",
        secure=site.secure,
        httponly=True,
        samesite="Lax",
    )
    return response


def _look(site: Site, token: str, page: Page) -> Visit:
    """Show a code that nobody opened to a robot or an early fetch, without letting it take hold."""
    if page != Page.START:
        raise StepElsewhere(Page.START)
    visit = look_at_link(site.deps, token)
    prefer_language(visit.checkout.language)
    refuse_if_ended(visit.checkout, site.deps.clock.now())
    if visit.checkout.claim_hash is not None:
        raise RuleRefused("a phone holds this payment", code="checkout_claimed")
    return visit


def is_no_phone() -> bool:
    """Say whether the request comes before a tap, or from a program: it must not take hold of a checkout."""
    early = (request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"))
    return (
        request.method == "HEAD"
        or any(_EARLY.search(value) for value in early)
        or _ROBOT.search(request.headers.get("User-Agent", "")) is not None
    )


def claim(site: Site) -> str:
    """Return what this browser holds its checkouts by: its cookie, or a new secret."""
    if "claim" not in g:
        g.claim = _cookie(site) or site.deps.ids.token(CLAIM_BYTES)
    found: str = g.claim
    return found


def _cookie(site: Site) -> str:
    known = request.cookies.get(site.cookie, "")
    return known if _CLAIM.fullmatch(known) else ""


def witness(
    *, confirmed: bool | None = None, scrolled_to_end: bool | None = None, stroke: Stroke | None = None
) -> Witness:
    """Return what this request tells of the person who acts; `confirmed` says that a form's words were agreed to."""
    return Witness(request.remote_addr, request.headers.get("User-Agent"), scrolled_to_end, confirmed, stroke)


def show(template: str, page: Page, visit: Visit, **values: Any) -> str:
    """Render one page of a payment."""
    return render_template(
        f"consumer/{template}.html",
        checkout=visit.checkout,
        merchant=visit.merchant,
        store=visit.store,
        today=visit.today,
        progress=PROGRESS.get(page),
        progress_steps=PROGRESS_STEPS,
        **values,
    )


def show_refusal(
    error: DomainError, template: str, page: Page, visit: Visit, **values: Any
) -> ResponseReturnValue:
    """Render the same form once more, with what was wrong. Re-raises what no change of the form can mend."""
    if isinstance(error, Expired | NotFound) or moved_on(error) or error.code.startswith("checkout_"):
        raise error
    problem = {"code": error.code, "field": error.field, "words": words_for(error.code, error.facts)}
    body = show(template, page, visit, problem=problem, **values)
    return make_response(body, status_for(error), retry_header(error))


def moved_on(error: DomainError) -> bool:
    """Say whether the checkout is no longer where the form thought it was."""
    return isinstance(error, TransitionConflict | TransitionNotAllowed) or error.code == "step_out_of_order"
