"""A demo store in front of an in-memory fenqi, driven through Flask's test client."""

from pathlib import Path

import pytest
from fenqi.testing import FakeServer

from demo_store.app import create_app
from demo_store.settings import Settings
from tests.demo_store.browser import STORES, TILLS, Demo


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        database=str(tmp_path / "store.db"),
        public_url="http://shop.test",
        base_url=FakeServer.base_url,
        api_key=FakeServer.api_key,
        webhook_secrets=(FakeServer.webhook_secret,),
        stores=STORES,
        tills=TILLS,
        plans_max_age_seconds=10**9,
    )


@pytest.fixture
def demo(settings: Settings) -> Demo:
    server = FakeServer()
    app = create_app(settings, client=server.client(max_retries=0), clock=server.clock.now)
    browser = app.test_client()
    browser.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return Demo(app, server, browser)
