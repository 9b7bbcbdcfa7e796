"""What operators see: figures from the database, a line for each request, traces; and nothing that names a person."""

import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families

from merchant_server import logs
from merchant_server.services.operation.keeping import check_up, forget_deliveries
from merchant_server.tracing import trace_requests, tracer_of
from merchant_server.web.metrics import metrics_page
from tests.installation import ID_NUMBER, NAME, PHONE, Installation

TOKEN = "t" * 24
HOOK = "https://shop.example/hook"


@pytest.fixture
def scraped(installation: Installation) -> FlaskClient:
    """A client of an installation that shows metrics."""
    installation.app.register_blueprint(metrics_page(installation.deps, TOKEN))
    return installation.client


def scrape(client: FlaskClient) -> dict[str, float]:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    return {
        each.name + "".join(f"{{{name}={value}}}" for name, value in sorted(each.labels.items())): each.value
        for family in text_string_to_metric_families(answer.text)
        for each in family.samples
    }


def test_the_figures_follow_a_sale_from_the_decision_to_the_bank(
    installation: Installation, scraped: FlaskClient
) -> None:
    installation.post("/v1/webhook_endpoints", {"url": HOOK})
    installation.sell()
    told = scrape(scraped)
    assert told["fenqi_decisions_last_hour{outcome=approve}"] == 1
    assert told["fenqi_decision_seconds{quantile=1}"] >= 0
    assert told["fenqi_outbox_pending"] > 0
    assert told["fenqi_outbox_lag_seconds"] > 0

    installation.clock.pass_(days=31)
    installation.work()
    told = scrape(scraped)
    assert told["fenqi_outbox_pending"] == 0
    assert told["fenqi_installments_due"] == 0
    assert sum(value for name, value in told.items() if name.startswith("fenqi_deductions_last_hour")) >= 1
    assert told["fenqi_ledger_imbalance_minor"] == 0
    assert told["fenqi_law_breaches"] == 0
    assert told["fenqi_checkup_age_seconds"] < 3_600


def test_an_installment_that_nobody_collects_is_seen(
    installation: Installation, scraped: FlaskClient
) -> None:
    installation.sell()
    installation.clock.pass_(days=40)
    assert scrape(scraped)["fenqi_installments_due"] == 1


def test_requests_are_counted_by_route_and_never_by_address(
    installation: Installation, scraped: FlaskClient
) -> None:
    checkout = installation.checkout()
    installation.client.get(f"/p/{checkout.token}", follow_redirects=True)
    installation.client.get("/nothing/here")
    installation.client.open("/healthz", method="BREW")
    text = scraped.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    assert checkout.token not in text
    assert "nothing/here" not in text
    assert "BREW" not in text
    assert 'method="GET",route="/p/<token>",status="2xx"' in text


@pytest.mark.parametrize("given", [None, "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer ", "Bearer é"])
def test_metrics_need_their_token(scraped: FlaskClient, given: str | None) -> None:
    answer = scraped.get("/metrics", headers={"Authorization": given} if given else {})
    assert answer.status_code == 401
    assert "fenqi_" not in answer.text


def test_a_broken_law_shows_in_the_figures_and_in_the_log_without_a_person(
    installation: Installation, scraped: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    installation.sell()
    with installation.engine.transaction() as connection:
        connection.execute("UPDATE loans SET paid_minor = paid_minor + 1")
    assert check_up(installation.deps) == 1
    assert check_up(installation.deps) == 0
    assert scrape(scraped)["fenqi_law_breaches"] >= 1
    assert [record for record in caplog.records if record.message == "a law is broken"]
    with installation.engine.transaction() as connection:
        connection.execute("UPDATE loans SET paid_minor = paid_minor - 1")
    installation.clock.pass_(hours=1)
    assert check_up(installation.deps) == 1
    assert scrape(scraped)["fenqi_law_breaches"] == 0


def test_deliveries_that_arrived_long_ago_are_forgotten_in_batches_and_events_stay(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("merchant_server.services.operation.keeping.FORGET_BATCH", 2)
    installation.post("/v1/webhook_endpoints", {"url": HOOK})
    installation.sell()
    installation.work()
    events = installation.rows("SELECT id FROM events")
    delivered = installation.rows("SELECT id FROM deliveries WHERE status = 'delivered'")
    assert len(delivered) > 2
    assert forget_deliveries(installation.deps) == 0

    installation.clock.pass_(days=installation.deps.deliveries_kept_days + 1)
    assert forget_deliveries(installation.deps) == 2
    while forget_deliveries(installation.deps):
        pass
    assert installation.rows("SELECT id FROM deliveries") == []
    assert installation.rows("SELECT id FROM events") == events


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What a program's log would hold."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    logs.set_up("json", stream)
    yield stream
    root.handlers[:], level = before
    root.setLevel(level)


def told(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_every_request_is_one_json_line_with_the_id_of_its_answer(
    sqlite_installation: Installation, lines: io.StringIO
) -> None:
    answer = sqlite_installation.get("/v1/plans")
    (line,) = [each for each in told(lines) if each["logger"] == "fenqi.access"]
    assert line["request_id"] == answer.headers["Request-Id"]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/v1/plans", 200)
    assert line["ms"] >= 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line["timestamp"])


def test_a_whole_sale_leaves_no_person_key_or_token_in_the_log(
    sqlite_installation: Installation, lines: io.StringIO
) -> None:
    checkout = sqlite_installation.sell()
    sqlite_installation.client.get(f"/p/{checkout.token}")
    logging.getLogger("any").warning("told %s of %s", PHONE, {"id": ID_NUMBER})
    try:
        raise ValueError(f"{sqlite_installation.api_key} for {PHONE} at postgresql://fenqi:pa55word@db/fenqi")
    except ValueError:
        logging.getLogger("any").exception("a worker step failed")
    text = lines.getvalue()
    secrets = (PHONE, PHONE.removeprefix("+86"), ID_NUMBER, NAME, checkout.token, "pa55word")
    assert [each for each in (*secrets, sqlite_installation.api_key) if each in text] == []
    failed = told(lines)[-1]
    assert (failed["error"], failed["level"]) == ("ValueError", "error")
    assert failed["at"][-1].startswith("test_metrics_and_logs.py:")


def test_text_is_for_terminals(lines: io.StringIO) -> None:
    stream = io.StringIO()
    logs.set_up("text", stream)
    logging.getLogger("any").info("serving", extra={"port": 8010})
    assert "serving" in stream.getvalue()
    assert "port" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_a_request_is_a_span_of_the_callers_trace_without_its_address(
    sqlite_installation: Installation,
) -> None:
    spans = InMemorySpanExporter()
    app: Flask = sqlite_installation.app
    trace_requests(app, tracer_of(SimpleSpanProcessor(spans)))
    checkout = sqlite_installation.checkout()
    caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = app.test_client().get(f"/p/{checkout.token}", headers={"traceparent": caller})
    app.test_client().get("/nothing/here")

    first, lost = spans.get_finished_spans()
    assert first.name == "GET /p/<token>"
    assert f"{first.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert first.attributes is not None
    assert first.attributes["http.response.status_code"] == 303
    assert first.attributes["fenqi.request_id"] == answer.headers["Request-Id"]
    assert checkout.token not in first.to_json()
    assert lost.name == "GET (none)"


def test_every_metric_that_the_dashboard_and_the_alerts_ask_for_is_there(
    installation: Installation, scraped: FlaskClient
) -> None:
    deploy = Path(__file__).resolve().parents[2] / "deploy"
    asked = {
        name
        for panel in json.loads((deploy / "grafana-dashboard.json").read_text("utf-8"))["panels"]
        for target in panel.get("targets", ())
        for name in re.findall(r"\bfenqi_\w+", target["expr"])
    }
    asked |= set(re.findall(r"\bfenqi_\w+", (deploy / "fenqi-alerts.yml").read_text("utf-8")))
    installation.sell()
    installation.clock.pass_(seconds=timedelta(hours=2).total_seconds())
    installation.work()
    installation.advance(months=1)
    installation.work()
    installation.apply(installation.checkout(), claim="phone-2")
    shown = {name.partition("{")[0] for name in scrape(scraped)}
    from merchant_server.providers.breaker import CircuitBreaker

    CircuitBreaker("identity")
    shown |= {name.partition("{")[0] for name in scrape(scraped)}
    assert len(asked) >= 10
    assert asked - shown == set()
