"""OpenTelemetry spans of requests, for `fenqi[otel]`: route templates and statuses, never addresses or bodies.

The ready-made Flask instrumentation would record each full address, and ours carry tokens.
"""

from flask import Flask, Response, g, request
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from merchant_server.web.context import request_id
from merchant_server.web.metrics import NO_ROUTE


def tracer_to(url: str) -> trace.Tracer:
    """Return a tracer that sends its spans to a collector by OTLP over HTTP, in the background."""
    return tracer_of(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))


def tracer_of(processor: SpanProcessor) -> trace.Tracer:
    """Return a tracer of a provider of its own."""
    provider = TracerProvider(resource=Resource.create({"service.name": "fenqi-server"}))
    provider.add_span_processor(processor)
    return provider.get_tracer("fenqi")


def trace_requests(app: Flask, tracer: trace.Tracer) -> None:
    """Make one span a request; a caller's `traceparent` is kept, so that a sale is one trace from shop to bank."""

    @app.before_request
    def begin() -> None:
        route = request.url_rule.rule if request.url_rule else NO_ROUTE
        g.span = tracer.start_span(
            f"{request.method} {route}",
            context=extract({name.lower(): value for name, value in request.headers}),
            kind=trace.SpanKind.SERVER,
            attributes={
                "http.request.method": request.method,
                "http.route": route,
                "fenqi.request_id": request_id(),
            },
        )

    @app.after_request
    def end(response: Response) -> Response:
        span: trace.Span | None = g.pop("span", None)
        if span is not None:
            span.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= 500:
                span.set_status(trace.StatusCode.ERROR)
            span.end()
        return response
