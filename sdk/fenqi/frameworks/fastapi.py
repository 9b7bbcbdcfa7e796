"""A webhook receiver for FastAPI: `app.include_router(webhook_router(secret=…, handler=…))`.

The handler is a plain function and runs in a thread of its own, so that it may wait for a database.
"""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from fenqi.frameworks.receiving import Handler, Received, receive


def webhook_router(path: str = "/webhooks/fenqi", **options: Any) -> APIRouter:
    """Return a router that takes events in; options as for `receive`: secret, handler, inbox, drop_stale."""
    router = APIRouter()

    @router.post(path, include_in_schema=False)
    async def take(request: Request) -> Response:
        body = await request.body()
        done: Received = await run_in_threadpool(receive, body, request.headers, **options)
        return Response(done.text, done.status, done.headers)

    return router


__all__ = ["Handler", "webhook_router"]
