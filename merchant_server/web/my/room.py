"""What the views of one's own page share: the cookie of a visit, who is there, and how a form is shown once more."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from merchant_server.domain.errors import DomainError, Unauthenticated
from merchant_server.domain.my_visit import LONGEST_SECONDS
from merchant_server.services.deps import Deps
from merchant_server.services.person.visits import who_is_there
from merchant_server.web.error_pages import retry_header, status_for, words_for
from merchant_server.web.error_words import Words

_TOKEN = re.compile(r"[A-Za-z0-9_-]{22,128}")


@dataclass(frozen=True, slots=True)
class Room:
    """What the views are given. `secure` says that visitors come by https, so that the cookie can be bound to it."""

    deps: Deps
    secure: bool

    @property
    def cookie(self) -> str:
        """The name of the cookie that holds a visit's secret."""
        return "__Host-fenqi_my" if self.secure else "fenqi_my"

    def token(self) -> str:
        """Return the visit's secret, or an empty text."""
        found = request.cookies.get(self.cookie, "")
        return found if _TOKEN.fullmatch(found) else ""

    def who(self) -> str:
        """Return the consumer who is there. Raises Unauthenticated."""
        consumer_id = who_is_there(self.deps, self.token())
        g.signed_in = True
        return consumer_id

    def remember(self, response: Response, token: str) -> Response:
        """Keep a visit's secret in the browser."""
        response.set_cookie(
            self.cookie,
            token,
            max_age=LONGEST_SECONDS,
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="Lax",
        )
        return response

    def forget(self, response: Response) -> Response:
        """Take the visit's secret out of the browser."""
        response.delete_cookie(self.cookie, path="/", secure=self.secure, httponly=True, samesite="Lax")
        return response


def show(template: str, **values: Any) -> str:
    """Render one page."""
    return render_template(f"my/{template}.html", **values)


def go(page: str, **named: Any) -> Response:
    """Lead to another page."""
    return make_response(redirect(url_for(f".{page}", **named), 303))


def show_refusal(
    error: DomainError, template: str, own_words: Mapping[str, Words] | None = None, /, **values: Any
) -> ResponseReturnValue:
    """Render the same form once more, with what was wrong; `own_words` are those of codes of this form alone."""
    if isinstance(error, Unauthenticated):
        raise error
    own = (own_words or {}).get(error.code)
    words = own.filled(error.facts) if own else words_for(error.code, error.facts)
    problem = {"code": error.code, "field": error.field, "words": words}
    return make_response(show(template, problem=problem, **values), status_for(error), retry_header(error))


def pdf(body: bytes, name: str, *, download: bool = False) -> Response:
    """Return a PDF to show or to keep; the page's own policy would stop some browsers' viewers."""
    response = Response(body, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'{"attachment" if download else "inline"}; filename="{name}"'
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    )
    return response
