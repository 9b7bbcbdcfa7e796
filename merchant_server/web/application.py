"""Flask as this house uses it: views are plain functions, and a session is opened only for who brings one.

Every request passes here, so what a server of other habits needs is left out. No route and no view is here.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from werkzeug.datastructures import Headers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class _Sessions(SecureCookieSessionInterface):
    """Signed cookies, without making a signer for a request that has none."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session of the request's cookie, an empty one without a cookie."""
        if not request.cookies.get(self.get_cookie_name(app)):
            return self.session_class()
        return super().open_session(app, request)


class _Response(Response):
    """An answer whose headers are sent as they are, where there is nothing to make whole."""

    def get_wsgi_headers(self, environ: "WSGIEnvironment") -> Headers:
        """Return the headers; a copy only for what Werkzeug rewrites: a place to go to, or an answer without a body."""
        headers = self.headers
        if not 200 <= self.status_code < 300 or self.status_code == 204 or not self.is_sequence:
            return super().get_wsgi_headers(environ)
        if "Location" in headers or "Content-Location" in headers:
            return super().get_wsgi_headers(environ)
        if "Content-Length" not in headers:
            headers.add("Content-Length", str(sum(map(len, self.iter_encoded()))))
        return headers


class Application(Flask):
    """A Flask application without coroutines."""

    response_class = _Response
    session_interface = _Sessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a view or a hook as it is: asking each one at each request whether it is a coroutine takes time."""
        return func
