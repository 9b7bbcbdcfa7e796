"""A running service for the snippets marked `live`, and a network that ends at the loopback."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from merchant_server.services.settlement.terms import set_terms
from merchant_server.storage.opening import open_engine
from tests.installation import Installation, build


@pytest.fixture
def live(tmp_path: Path, authority_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """A service on the loopback with one merchant, as FENQI_API_KEY, FENQI_BASE_URL and shop.json say."""
    engine = open_engine(f"sqlite:///{tmp_path}/fenqi.sqlite")
    engine.migrate()
    installation = build(engine, authority_folder, real_documents=False)
    # As `fenqi-server merchant create` leaves a merchant.
    set_terms(installation.deps, installation.caller.merchant_id, payout_account="sandbox_9001")
    server = make_server("127.0.0.1", 0, installation.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("FENQI_API_KEY", installation.api_key)
    monkeypatch.setenv("FENQI_BASE_URL", f"http://127.0.0.1:{server.server_port}")
    till = {"id": installation.till_id, "name": "1 号台"}
    place = {"id": installation.store_id, "name": "人民路店", "till": till}
    shop = {
        "merchant_id": installation.caller.merchant_id,
        "api_key": installation.api_key,
        "stores": [place],
    }
    (tmp_path / "shop.json").write_text(json.dumps(shop, ensure_ascii=False), "utf-8")
    yield installation
    server.shutdown()
    thread.join()
    server.server_close()
    assert installation.breaches() == []
    engine.close()


@pytest.fixture
def quiet_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that leaves this machine."""
    connect = socket.socket.connect

    def connect_nearby(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise ConnectionRefusedError(f"a snippet tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_nearby)
