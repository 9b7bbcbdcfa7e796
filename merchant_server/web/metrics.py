"""What Prometheus reads, and one line of the log for each request: by route template, never by address.

Requests and breakers are this server's own, of all its processes; everything else is read from the database at each
scrape, so that any number of servers and workers tell the same truth. Addresses carry tokens and are neither logged
nor counted.
"""

import hmac
import logging
import math
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from flask import Blueprint, Flask, Response, g, request
from flask.globals import request_ctx
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from structlog.contextvars import bind_contextvars, clear_contextvars

from merchant_server.domain.errors import Unauthenticated
from merchant_server.ports import Figures
from merchant_server.services.deps import Deps
from merchant_server.web.context import request_id

log = logging.getLogger("fenqi.access")
NO_ROUTE = "(none)"
SHARED_FIGURES = "PROMETHEUS_MULTIPROC_DIR"  # read by prometheus_client when it is imported
QUANTILES = (0.5, 0.95, 1.0)
SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_REQUESTS = Histogram(
    "fenqi_http_request_seconds",
    "Time to the head of the answer, by route template",
    ["method", "route", "status"],
    buckets=SECONDS,
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def watch_requests(app: Flask) -> None:
    """Time and log every request of an application."""

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        clear_contextvars()
        bind_contextvars(request_id=request_id())

    @app.after_request
    def end(response: Response) -> Response:
        seconds = time.perf_counter() - g.get("began", time.perf_counter())
        asked = request_ctx.request
        route = asked.url_rule.rule if asked.url_rule else NO_ROUTE
        method = asked.method if asked.method in METHODS else "OTHER"
        _REQUESTS.labels(method, route, f"{response.status_code // 100}xx").observe(seconds)
        log.info(
            "request",
            extra={
                "method": method,
                "route": route,
                "status": response.status_code,
                "ms": round(seconds * 1000, 1),
                "request_id": request_id(),
            },
        )
        return response


def metrics_page(deps: Deps, token: str) -> Blueprint:
    """Return /metrics, which answers only to the bearer of the token."""
    blueprint = Blueprint("metrics", __name__)
    stored = CollectorRegistry()
    stored.register(_Stored(deps))
    stored.register(_Processes())

    @blueprint.get("/metrics")
    def metrics() -> Response:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            raise Unauthenticated("the metrics need their token", hint="see FENQI_METRICS_TOKEN")
        body = generate_latest(_live()) + generate_latest(stored)
        return Response(body, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})

    return blueprint


def _live() -> CollectorRegistry:
    """Return what this process counted, or all processes of this server when they share their figures."""
    if SHARED_FIGURES not in os.environ:
        return REGISTRY
    shared = CollectorRegistry()
    MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    return shared


class _Processes:
    """Memory and processor time of each process of this server; prometheus_client tells them only of a single one."""

    def describe(self) -> list[Metric]:
        """Return nothing: which processes there are is known when it is read."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read and yield both figures of those that are alive."""
        shared = os.environ.get(SHARED_FIGURES)
        if shared is None:
            return
        memory = GaugeMetricFamily("process_resident_memory_bytes", "Resident memory", labels=["pid"])
        spent = CounterMetricFamily("process_cpu_seconds", "Processor time, user and system", labels=["pid"])
        # Each keeps its figures in files that end with its number.
        for pid in sorted({file.stem.rpartition("_")[2] for file in Path(shared).glob("*_*.db")}):
            with suppress(OSError):
                pages = int(Path("/proc", pid, "statm").read_text().split()[1])
                times = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()
                memory.add_metric([pid], pages * os.sysconf("SC_PAGE_SIZE"))
                spent.add_metric([pid], (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK"))
        yield memory
        yield spent


class _Stored:
    """Figures of the database, read at each scrape in one snapshot."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    def describe(self) -> list[Metric]:
        """Return nothing: the names are known once something is read."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read and yield every figure."""
        now = self._deps.clock.now()
        with self._deps.storage.reading() as uow:
            figures = uow.operations.figures(now)
        yield from _waiting(figures)
        yield from _done(figures)
        if figures.checkup is not None:
            found = figures.checkup
            yield _gauge(
                "fenqi_ledger_imbalance_minor", "Sum of all accounts; 0 by law", found.imbalance_minor
            )
            yield _gauge("fenqi_law_breaches", "Rows that break a law of the house", found.breaches)
            age = (now - found.at).total_seconds()
            yield _gauge("fenqi_checkup_age_seconds", "Time since the laws were read", age)


def _waiting(figures: Figures) -> Iterator[Metric]:
    yield _gauge(
        "fenqi_outbox_pending",
        "Deliveries that have not arrived and are not dead",
        figures.deliveries_pending,
    )
    yield _gauge(
        "fenqi_outbox_lag_seconds", "How long the oldest due delivery has waited", figures.outbox_lag_seconds
    )
    yield _gauge(
        "fenqi_installments_due", "Installments to collect today or before", figures.installments_due
    )
    yield _gauge(
        "fenqi_deductions_unanswered", "Deductions without the bank's answer", figures.deductions_unanswered
    )


def _done(figures: Figures) -> Iterator[Metric]:
    deductions = GaugeMetricFamily(
        "fenqi_deductions_last_hour", "Deductions requested in the last hour", labels=["status"]
    )
    for status, count in sorted(figures.deductions.items()):
        deductions.add_metric([status], count)
    yield deductions
    decisions = GaugeMetricFamily(
        "fenqi_decisions_last_hour", "Decisions of the last hour, at most 1000", labels=["outcome"]
    )
    for outcome, count in sorted(figures.decisions.items()):
        decisions.add_metric([outcome], count)
    yield decisions
    taken = GaugeMetricFamily(
        "fenqi_decision_seconds", "Time from application to decision, last hour", labels=["quantile"]
    )
    for quantile in QUANTILES if figures.decision_seconds else ():
        place = math.ceil(quantile * len(figures.decision_seconds)) - 1
        taken.add_metric([f"{quantile:g}"], figures.decision_seconds[place])
    yield taken


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
