"""A webhook receiver for Django: `path("webhooks/fenqi", webhook_view(secret=…, handler=…))`."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.views.decorators.csrf import csrf_exempt

from fenqi.frameworks.receiving import Handler, receive


def webhook_view(**options: Any) -> Callable[[HttpRequest], HttpResponse]:
    """Return a view that takes events in; options as for `receive`: secret, handler, inbox, drop_stale."""

    def take(request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        done = receive(request.body, request.headers, **options)
        return HttpResponse(done.text, status=done.status, headers=done.headers)

    exempt: Callable[[HttpRequest], HttpResponse] = csrf_exempt(take)
    return exempt


__all__ = ["Handler", "webhook_view"]
