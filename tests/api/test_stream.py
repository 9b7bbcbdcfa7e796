"""Live checkouts by server-sent events: the state at once, every change, and an end."""

import json
from collections.abc import Iterator
from typing import Any

from fenqi.wire import CheckoutSchema

from merchant_server.web.api import streaming
from tests.api.asking import refused
from tests.installation import Installation


def frames(chunks: Iterator[bytes]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield (event, id, data) of each frame; comments are passed over."""
    for chunk in chunks:
        if chunk.startswith(b":"):
            assert chunk == b": keep-alive\n\n"
            continue
        assert chunk.endswith(b"\n\n")
        fields = dict(line.split(": ", 1) for line in chunk.decode().strip().split("\n"))
        yield fields["event"], int(fields["id"]), json.loads(fields["data"])


def test_a_stream_shows_the_state_at_once_then_each_change_and_ends_when_it_is_final(
    installation: Installation,
) -> None:
    checkout = installation.checkout()
    answer = installation.get(f"/v1/checkouts/{checkout.id}/stream")
    assert answer.status_code == 200
    assert answer.mimetype == "text/event-stream"
    assert answer.headers["Cache-Control"] == "no-store"
    live = frames(answer.iter_encoded())

    event, number, data = next(live)
    CheckoutSchema().load(data)
    assert (event, number, data["status"]) == ("checkout", 1, "created")
    assert data == installation.get(f"/v1/checkouts/{checkout.id}").get_json()

    installation.apply(checkout)
    event, number, data = next(live)
    assert (number, data["status"]) == (4, "offered")

    installation.post(f"/v1/checkouts/{checkout.id}/cancel", {"confirm": True})
    event, number, data = next(live)
    assert (number, data["status"], data["till"]["final"]) == (5, "cancelled", True)
    assert list(live) == []


def test_a_stream_of_something_unchanging_ends_within_about_a_minute(
    sqlite_installation: Installation,
) -> None:
    checkout = sqlite_installation.checkout()
    began = sqlite_installation.clock.now()
    seen = list(sqlite_installation.get(f"/v1/checkouts/{checkout.id}/stream").iter_encoded())
    assert len(list(frames(iter(seen)))) == 1
    assert b": keep-alive\n\n" in seen
    assert 45 <= (sqlite_installation.clock.now() - began).total_seconds() <= 75


def test_too_many_streams_are_503_with_retry_after_and_a_left_one_gives_its_place_back(
    sqlite_installation: Installation,
) -> None:
    house = sqlite_installation
    path = f"/v1/checkouts/{house.checkout().id}/stream"
    open_streams = [house.get(path) for _ in range(streaming.STREAMS_MAX)]
    assert {stream.status_code for stream in open_streams} == {200}
    answer = house.get(path)
    refused(answer, 503, "streams_exhausted")
    assert int(answer.headers["Retry-After"]) >= 1

    open_streams.pop().close()
    again = house.get(path)
    assert again.status_code == 200
    refused(house.get(path), 503, "streams_exhausted")
    for stream in (again, *open_streams):
        stream.close()
    last = house.get(path)
    last.close()
    assert last.status_code == 200


def test_a_stream_of_nothing_is_not_found_and_takes_no_place(sqlite_installation: Installation) -> None:
    for _ in range(streaming.STREAMS_MAX + 1):
        refused(sqlite_installation.get("/v1/checkouts/chk_none/stream"), 404, "not_found")
