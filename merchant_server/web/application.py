"""Flask as this house uses it: views are plain functions, and a session is opened only for who brings one.

Every request passes here, so what a server of other habits needs is left out. No route and no view is here.
"""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface


class _Sessions(SecureCookieSessionInterface):
    """Signed cookies, without making a signer for a request that has none."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session of the request's cookie, an empty one without a cookie."""
        if not request.cookies.get(self.get_cookie_name(app)):
            return self.session_class()
        return super().open_session(app, request)


class Application(Flask):
    """A Flask application without coroutines."""

    session_interface = _Sessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a view or a hook as it is: asking each one at each request whether it is a coroutine takes time."""
        return func
