"""The webhook helpers inside the real frameworks: the same bytes, the same answers."""

import asyncio
import subprocess
import sys

import pytest
from fenqi import Money
from fenqi.inbox import Inbox
from fenqi.testing import FakeServer

from tests.threads import in_its_own_thread

SECRET = FakeServer.webhook_secret


def delivery():
    server = FakeServer()
    checkout = server.client().checkouts.create(amount=Money(1000, "CNY"), reference="o-1")
    server.advance(checkout.id, to="captured")
    return server.signed_event("checkout.captured")


def flask_post(options):
    from fenqi.frameworks.flask import webhook_blueprint
    from flask import Flask

    app = Flask("shop")
    app.register_blueprint(webhook_blueprint(**options))
    client = app.test_client()

    def post(body, headers):
        answer = client.post("/webhooks/fenqi", data=body, headers=headers)
        return answer.status_code, answer.text, answer.headers

    return post


def django_post(options):
    import django
    from django.conf import settings
    from django.test import RequestFactory

    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"], DEFAULT_CHARSET="utf-8", SECRET_KEY="test")
        django.setup()
    from fenqi.frameworks.django import webhook_view

    view = webhook_view(**options)
    assert view.csrf_exempt

    def post(body, headers):
        extra = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        request = RequestFactory().post("/w", data=body, content_type="application/json", **extra)
        answer = view(request)
        return answer.status_code, answer.content.decode(), answer.headers

    return post


def fastapi_post(options):
    import httpx
    from fastapi import FastAPI
    from fenqi.frameworks.fastapi import webhook_router

    app = FastAPI()
    app.include_router(webhook_router(**options))

    async def ask(body, headers):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
            return await client.post("/webhooks/fenqi", content=body, headers=headers)

    @in_its_own_thread
    def post(body, headers):
        answer = asyncio.run(ask(body, headers))
        return answer.status_code, answer.text, answer.headers

    return post


FRAMEWORKS = pytest.mark.parametrize("framework", [flask_post, django_post, fastapi_post])


@FRAMEWORKS
def test_an_event_is_handled_once_however_often_it_comes(framework, tmp_path):
    seen = []
    inbox = Inbox(tmp_path / "inbox.sqlite")
    post = framework({"secret": SECRET, "inbox": inbox, "handler": lambda event, _: seen.append(event.id)})
    body, headers = delivery()
    assert [post(body, headers)[0] for _ in range(3)] == [204, 204, 204]
    assert len(seen) == 1


@FRAMEWORKS
def test_what_must_not_be_believed_is_told_apart_and_reaches_no_handler(framework):
    seen = []
    post = framework({"secret": SECRET, "handler": seen.append})
    body, headers = delivery()
    status, text, _ = post(body.replace(b'":', b'": '), headers)
    assert status == 400 and "parsed before verification" in text
    assert post(body + b" ", headers)[0] == 400
    assert seen == []
    assert post(body, headers)[0] == 204
    assert len(seen) == 1


@FRAMEWORKS
def test_a_receiver_that_cannot_store_asks_to_be_called_again(framework, tmp_path):
    inbox = Inbox(tmp_path / "inbox.sqlite", timeout_seconds=0.05)
    post = framework({"secret": SECRET, "inbox": inbox, "handler": lambda *_: None})
    (tmp_path / "inbox.sqlite").unlink()
    (tmp_path / "inbox.sqlite").mkdir()
    status, text, headers = post(*delivery())
    assert status == 503 and headers["Retry-After"] == "5"
    assert "inbox" in text


def test_the_sdk_imports_no_framework_by_itself():
    code = (
        "import sys, fenqi, fenqi.frameworks; fenqi.webhooks, fenqi.Client;"
        "print({'flask', 'django', 'fastapi', 'cryptography'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
