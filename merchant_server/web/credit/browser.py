"""What the views of /credit share: the cookie of one pre-approval, and how a form is shown once more."""

import re
from dataclasses import dataclass
from typing import Any

from flask import Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from merchant_server.domain.errors import DomainError, TransitionConflict, Unauthenticated
from merchant_server.domain.my_visit import LONGEST_SECONDS
from merchant_server.services.decisioning.preapproval import TIME_ZONE
from merchant_server.services.deps import Deps
from merchant_server.web.error_pages import retry_header, status_for, words_for

_TOKEN = re.compile(r"[A-Za-z0-9_-]{22,128}")


@dataclass(frozen=True, slots=True)
class Browser:
    """What the views are given. `secure` says that visitors come by https, so that the cookie can be bound to it."""

    deps: Deps
    secure: bool

    @property
    def cookie(self) -> str:
        """The name of the cookie that holds a pre-approval's secret."""
        return "__Host-fenqi_credit" if self.secure else "fenqi_credit"

    def token(self) -> str:
        """Return the secret, or an empty text."""
        found = request.cookies.get(self.cookie, "")
        return found if _TOKEN.fullmatch(found) else ""

    def device(self) -> str:
        """Return what this browser holds its checkouts by, or this pre-approval's secret when it holds none."""
        phone = request.cookies.get("__Host-fenqi_phone" if self.secure else "fenqi_phone", "")
        return phone if _TOKEN.fullmatch(phone) else self.token()

    def remember(self, response: Response, token: str) -> Response:
        """Keep a secret in the browser."""
        response.set_cookie(
            self.cookie, token, max_age=LONGEST_SECONDS, path="/", secure=self.secure, httponly=True, samesite="Lax"
        )  # fmt: skip
        return response

    def forget(self, response: Response) -> Response:
        """Take the secret out of the browser."""
        response.delete_cookie(self.cookie, path="/", secure=self.secure, httponly=True, samesite="Lax")
        return response

    def show(self, template: str, **values: Any) -> str:
        """Render one page."""
        deps = self.deps
        shared = {"lender": deps.lender_name, "sandbox": deps.sandbox, "time_zone": TIME_ZONE}
        return render_template(f"credit/{template}.html", **shared, **values)

    def show_refusal(self, error: DomainError, template: str, **values: Any) -> ResponseReturnValue:
        """Render the same form once more, with what was wrong. Re-raises what no change of the form can mend."""
        if isinstance(error, Unauthenticated | TransitionConflict):
            raise error
        problem = {"code": error.code, "field": error.field, "words": words_for(error.code, error.facts)}
        body = self.show(template, problem=problem, **values)
        return make_response(body, status_for(error), retry_header(error))


def go(page: str) -> Response:
    """Lead to another page."""
    return make_response(redirect(url_for(f".{page}"), 303))
