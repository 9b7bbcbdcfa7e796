"""A desk over a whole installation: its application, one visitor, and the sandbox it looks at."""

import re
from dataclasses import dataclass, field

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from merchant_server.app import build_app
from merchant_server.ports import TextMessage
from merchant_server.web.portal import desk_pages
from tests.fakes.sandbox_window import FakeSandboxWindow
from tests.installation import Installation


def desk_app(installation: Installation, window: FakeSandboxWindow) -> Flask:
    """Return the application with the desk on it, as app.py wires it."""
    app = build_app(installation.deps, secret_key=b"w" * 32, secure=False)
    app.register_blueprint(desk_pages(installation.deps, window))
    return app


@dataclass
class Desk:
    """What a test holds."""

    installation: Installation
    window: FakeSandboxWindow
    app: Flask = field(init=False)
    browser: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.app = desk_app(self.installation, self.window)
        self.browser = self.app.test_client()

    def page(self, language: str = "en") -> str:
        """Return the desk's page."""
        self.browser.set_cookie("fenqi_language", language)
        answer = self.browser.get("/desk")
        assert answer.status_code == 200, answer.text
        return answer.text

    def panel(self, name: str, language: str = "en") -> str:
        """Return one panel's HTML, spaces collapsed."""
        found = re.search(rf'<section [^>]*data-panel="{name}".*?</section>', self.page(language), re.S)
        assert found is not None
        return " ".join(re.sub(r"<[^>]+>", " ", found.group()).split())

    def post(self, path: str, **form: str) -> TestResponse:
        """Press a button as a browser does: with the token of the page."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.page())
        assert token is not None
        return self.browser.post(path, data={"csrf_token": token.group(1), **form})

    def deliver_texts(self) -> None:
        """Let the window show what the installation has sent so far."""
        self.window.messages = [
            TextMessage(place, reference, phone, text, self.installation.clock.now())
            for place, (reference, phone, text) in enumerate(self.installation.sms.messages, start=1)
        ]
