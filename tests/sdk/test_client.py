"""The client over a real socket: what it sends, when it tries again, and which error it raises."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import requests
from fenqi import Client, Money, errors
from fenqi.testing import FakeServer, ManualClock

from .loopback import Loopback, answer, hang_up, loopback, problem

KEY = "sk_test_0123456789abcdef"
CHECKOUT = {
    "object": "checkout",
    "id": "chk_1",
    "status": "created",
    "amount": {"minor": 399900, "currency": "CNY"},
    "reference": "o-1",
    "url": "https://pay.example/p/x",
    "created_at": "2026-11-21T08:00:00.000000Z",
    "expires_at": "2026-11-21T08:15:00.000000Z",
    "sequence": 1,
    "newer_field": {"a": 1},
    "captured": {"minor": 0, "currency": "CNY"},
    "till": {"text": {"zh-CN": "请扫码", "en": "Scan"}, "final": False},
}
AMOUNT = Money(399900, "CNY")


def client_of(script: Loopback, **options: Any) -> Client:
    return Client(api_key=KEY, base_url=script.url, **({"clock": ManualClock()} | options))


def create(client: Client, **options: Any) -> Any:
    return client.checkouts.create(**{"amount": AMOUNT, "reference": "o-1", **options})


def keys(script: Loopback) -> list[str | None]:
    return [seen.headers.get("Idempotency-Key") for seen in script.seen]


def test_a_call_carries_key_version_agent_and_idempotency_key() -> None:
    with loopback(answer(201, CHECKOUT)) as script:
        checkout = create(client_of(script), description="Bicycle", plan_ids=("p12",))
    seen = script.seen[0]
    assert (seen.method, seen.path) == ("POST", "/v1/checkouts")
    assert seen.headers["Authorization"] == f"Bearer {KEY}"
    assert seen.headers["Fenqi-Version"] == "2026-11-22"
    assert re.fullmatch(r"fenqi-python/[\d.]+ \(python [\d.]+; requests [\d.]+\)", seen.headers["User-Agent"])
    assert re.fullmatch(r"[!-~]{1,255}", seen.headers["Idempotency-Key"])
    assert json.loads(seen.body) == {
        "amount": {"minor": 399900, "currency": "CNY"},
        "reference": "o-1",
        "description": "Bicycle",
        "plan_ids": ["p12"],
    }
    assert (checkout.id, checkout.amount, checkout.till.text.for_language("zh-CN")) == (
        "chk_1",
        AMOUNT,
        "请扫码",
    )
    assert checkout.raw["newer_field"] == {"a": 1}


def test_results_are_frozen() -> None:
    with loopback(answer(200, CHECKOUT)) as script:
        checkout = client_of(script).checkouts.retrieve("chk_1")
    with pytest.raises(AttributeError):
        checkout.status = "captured"  # type: ignore[misc]


@pytest.mark.parametrize(
    "first",
    [
        problem(503, "unavailable"),
        problem(502, "unavailable"),
        problem(504, "unavailable"),
        problem(429, "rate_limited"),
        problem(409, "idempotency_in_progress"),
        answer(502, raw=b"<html>bad gateway</html>"),
        hang_up,
    ],
)
def test_passing_trouble_is_tried_again_under_the_same_key(first: Any) -> None:
    with loopback(first, first, answer(201, CHECKOUT)) as script:
        client = client_of(script)
        assert create(client).id == "chk_1"
    assert len(script.seen) == 3
    assert len(set(keys(script))) == 1
    assert keys(script)[0]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "key_revoked", errors.AuthenticationError),
        (403, "scope_missing", errors.PermissionDenied),
        (404, "not_found", errors.NotFoundError),
        (409, "transition_not_allowed", errors.ConflictError),
        (410, "checkout_expired", errors.InvalidRequestError),
        (422, "field_invalid", errors.InvalidRequestError),
        (422, "idempotency_mismatch", errors.IdempotencyError),
        (500, "internal", errors.ServerError),
    ],
)
def test_a_definite_answer_is_raised_at_once(status: int, code: str, kind: type[errors.APIError]) -> None:
    with loopback(problem(status, code)) as script, pytest.raises(kind) as caught:
        create(client_of(script))
    assert len(script.seen) == 1
    assert (caught.value.code, caught.value.request_id, caught.value.http_status) == (code, "req_1", status)
    assert caught.value.body == {"code": code, "detail": f"{code}.", "request_id": "req_1"}


def test_retries_end_with_the_error_of_the_last_try() -> None:
    with (
        loopback(problem(503, "unavailable", Retry_After="2")) as script,
        pytest.raises(errors.Unavailable) as caught,
    ):
        create(client_of(script, max_retries=1))
    assert len(script.seen) == 2
    assert caught.value.retry_after_seconds == 2


def test_the_server_says_how_long_to_wait() -> None:
    clock = ManualClock()
    with loopback(problem(429, "rate_limited", Retry_After="7"), answer(201, CHECKOUT)) as script:
        create(client_of(script, clock=clock))
    assert clock.slept_seconds == [7.0]


def test_a_wait_longer_than_a_minute_is_left_to_the_caller() -> None:
    with (
        loopback(problem(429, "rate_limited", Retry_After="3600")) as script,
        pytest.raises(errors.RateLimitError) as caught,
    ):
        create(client_of(script))
    assert len(script.seen) == 1
    assert caught.value.retry_after_seconds == 3600


def test_waits_grow_and_are_jittered_within_bounds() -> None:
    clock = ManualClock()
    with loopback(problem(503, "unavailable")) as script, pytest.raises(errors.Unavailable):
        create(client_of(script, clock=clock, max_retries=6))
    for attempt, slept in enumerate(clock.slept_seconds):
        full = min(8.0, 0.5 * 2**attempt)
        assert full / 2 <= slept <= full


def test_a_server_that_does_not_answer_is_a_timeout() -> None:
    done = threading.Event()

    def hang(_: BaseHTTPRequestHandler) -> None:
        done.wait(5)

    with loopback(hang) as script:
        client = client_of(script, timeout=(1.0, 0.05), max_retries=1)
        with pytest.raises(errors.RequestTimeout) as caught:
            create(client)
        done.set()
    assert len(script.seen) == 2
    assert "0.05 s to read" in str(caught.value)


def test_a_closed_port_is_a_failed_connection() -> None:
    with loopback(hang_up) as script:
        url = script.url
    with pytest.raises(errors.ConnectionFailed):
        Client(api_key=KEY, base_url=url, clock=ManualClock()).checkouts.retrieve("chk_1")


@pytest.mark.parametrize(
    "other",
    [
        answer(200, raw=b"<html>Log in</html>"),
        answer(200, ["list"]),
        answer(200, {"hello": 1}),
        answer(404, raw=b"nginx"),
        answer(302, raw=b"", headers={"Location": "https://login.example/"}),
        answer(200, raw=b""),
        answer(200, raw=b"\xff"),
        answer(200, CHECKOUT | {"amount": {"minor": 1.5, "currency": "CNY"}}),
        answer(403, {"error": "forbidden"}),
    ],
)
def test_something_that_is_not_fenqi_is_called_so(other: Any) -> None:
    with loopback(other) as script, pytest.raises(errors.NotFenqi):
        client_of(script).checkouts.retrieve("chk_1")
    assert len(script.seen) == 1


@pytest.mark.parametrize("amount", [3999.00, 399900, "3999.00", None, {"minor": 1, "currency": "CNY"}, True])
def test_an_amount_that_is_not_money_is_refused_before_sending(amount: Any) -> None:
    with loopback(answer(201, CHECKOUT)) as script:
        with pytest.raises(errors.InvalidArgument) as caught:
            create(client_of(script), amount=amount)
        with pytest.raises(errors.InvalidArgument):
            client_of(script).checkouts.capture("chk_1", amount=1)  # type: ignore[arg-type]
    assert caught.value.field == "amount"
    assert script.seen == []


@pytest.mark.parametrize("checkout_id", ["", "..", ".", "a/b", "a?b", "a#b", "x" * 65, "é", None, 7])
def test_an_id_cannot_reach_another_path(checkout_id: Any) -> None:
    with loopback(answer(200, CHECKOUT)) as script, pytest.raises(errors.InvalidArgument):
        client_of(script).checkouts.retrieve(checkout_id)
    assert script.seen == []


@pytest.mark.parametrize("key", ["", "a b", "schlüssel", "x" * 256, "line\nend"])
def test_an_unusable_idempotency_key_is_refused_before_sending(key: str) -> None:
    with loopback(answer(201, CHECKOUT)) as script, pytest.raises(errors.InvalidArgument):
        create(client_of(script), idempotency_key=key)
    assert script.seen == []


class TestIntentKeys:
    """The automatic key says what is meant: the same order is the same key, in every process."""

    def key_of(self, **options: Any) -> str | None:
        with loopback(answer(201, CHECKOUT)) as script:
            create(client_of(script), **options)
        return keys(script)[0]

    def test_the_same_order_has_the_same_key_and_another_has_not(self) -> None:
        same = self.key_of()
        assert self.key_of() == same
        assert self.key_of(description="words do not matter") == same
        others = [
            self.key_of(reference="o-2"),
            self.key_of(amount=Money(399901, "CNY")),
            self.key_of(store_id="sto_1"),
            self.key_of(amount=Money(399900, "USD")),
            self.key_of(till_id="til_1"),
        ]
        assert len({same, *others}) == 6

    def test_the_key_is_stable_between_releases(self) -> None:
        assert self.key_of() == "fenqi-a18af9994500fa83be15c5072a265c4a5a754e56501e153c"

    def test_your_own_key_is_sent_as_it_is(self) -> None:
        assert self.key_of(idempotency_key="mine-1") == "mine-1"

    def test_turning_the_test_clock_twice_is_meant_twice(self) -> None:
        clock = {"object": "test_clock", "now": "2026-12-21T08:00:00.000000Z", "offset_seconds": 1}
        with loopback(answer(200, clock)) as script:
            client = client_of(script)
            client.test_clock.advance(months=1)
            client.test_clock.advance(months=1)
        assert len(set(keys(script))) == 2


class TestSettings:
    """What the constructor refuses, and where it looks."""

    def test_key_and_address_come_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FENQI_API_KEY", KEY)
        monkeypatch.setenv("FENQI_BASE_URL", "https://fenqi.example/v1/")
        assert Client().base_url == "https://fenqi.example"

    @pytest.mark.parametrize(
        "key", ["", "hello", "sk_test_x", "sk_test_abc def", "sk_test_abcd\n", "sk_prod_abcdefgh"]
    )
    def test_a_malformed_key_is_refused_and_not_repeated(self, key: str) -> None:
        with pytest.raises(errors.ConfigError) as caught:
            Client(api_key=key, base_url="https://fenqi.example")
        assert caught.value.field == "api_key"
        assert not key or key not in str(caught.value)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "fenqi.example",
            "ftp://fenqi.example",
            "https://",
            "https://u:p@fenqi.example",
            "https://f.example/?a=1",
            "https://f.example:99999",
            "http://[::1",
        ],
    )
    def test_a_malformed_address_is_refused(self, url: str) -> None:
        with pytest.raises(errors.ConfigError) as caught:
            Client(api_key=KEY, base_url=url)
        assert caught.value.field == "base_url"

    def test_a_live_key_never_travels_over_plain_http(self) -> None:
        with pytest.raises(errors.ConfigError, match="https"):
            Client(api_key="sk_live_0123456789", base_url="http://fenqi.example")

    @pytest.mark.parametrize("timeout", [None, 5, (0, 1), (1, 0), (1,), (1, 601), (-1, 1)])
    def test_a_client_without_a_timeout_cannot_be_made(self, timeout: Any) -> None:
        with pytest.raises(errors.ConfigError):
            Client(api_key=KEY, base_url="https://fenqi.example", timeout=timeout)

    @pytest.mark.parametrize("retries", [-1, 11, 1.5, True, None])
    def test_retries_are_bounded(self, retries: Any) -> None:
        with pytest.raises(errors.ConfigError):
            Client(api_key=KEY, base_url="https://fenqi.example", max_retries=retries)

    def test_a_netrc_file_cannot_replace_the_key(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login someone password else\n")
        monkeypatch.setenv("NETRC", str(netrc))
        with loopback(answer(200, CHECKOUT)) as script:
            client_of(script).checkouts.retrieve("chk_1")
        assert script.seen[0].headers["Authorization"] == f"Bearer {KEY}"

    def test_the_key_is_in_no_repr_and_in_no_error(self) -> None:
        with loopback(hang_up) as script:
            client = client_of(script, max_retries=0)
            with pytest.raises(errors.ConnectionFailed) as caught:
                create(client)
        shown = [
            repr(client),
            repr(client.checkouts),
            repr(client._transport),
            repr(caught.value),
            str(caught.value),
        ]
        chained = [caught.value.__cause__, caught.value.__context__]
        assert not any(KEY in text for text in shown)
        assert not any(getattr(getattr(error, "request", None), "headers", None) for error in chained)


class TestLists:
    """Pages that go on by themselves."""

    def page(self, ids: list[str], cursor: str | None) -> dict[str, Any]:
        rows = [CHECKOUT | {"id": one} for one in ids]
        return {"object": "list", "data": rows, "has_more": cursor is not None, "next_cursor": cursor}

    def test_iterating_goes_on_through_all_pages_with_the_same_filters(self) -> None:
        pages = [self.page(["a", "b"], "c1"), self.page([], "c2"), self.page(["c"], None)]
        with loopback(*(answer(200, page) for page in pages)) as script:
            listed = client_of(script).checkouts.list(status="created", limit=2)
            assert [checkout.id for checkout in listed] == ["a", "b", "c"]
        assert [seen.path.partition("?")[2] for seen in script.seen] == [
            "status=created&limit=2",
            "status=created&limit=2&cursor=c1",
            "status=created&limit=2&cursor=c2",
        ]

    def test_a_list_whose_cursor_stands_still_ends_in_an_error(self) -> None:
        with (
            loopback(answer(200, self.page(["a"], "same"))) as script,
            pytest.raises(errors.NotFenqi, match="cursor"),
        ):
            list(client_of(script).checkouts.list())
        assert len(script.seen) == 2

    @pytest.mark.parametrize("limit", [0, 101, True, "5", 1.5])
    def test_a_limit_out_of_range_is_refused_before_sending(self, limit: Any) -> None:
        with loopback(answer(200, self.page([], None))) as script, pytest.raises(errors.InvalidArgument):
            client_of(script).checkouts.list(limit=limit)
        assert script.seen == []

    def test_an_answer_that_is_no_list_is_not_fenqi(self) -> None:
        with loopback(answer(200, {"data": "x"})) as script, pytest.raises(errors.NotFenqi):
            client_of(script).events.list(after=3)


def stream(*states: dict[str, Any]) -> Any:
    text = ": keep-alive\n\n" + "".join(
        f"event: checkout\nid: {s['sequence']}\ndata: {json.dumps(s)}\n\n" for s in states
    )
    return answer(200, raw=text.encode(), headers={"Content-Type": "text/event-stream; charset=utf-8"})


def state(sequence: int, status: str, *, final: bool = False) -> dict[str, Any]:
    return CHECKOUT | {
        "sequence": sequence,
        "status": status,
        "till": {"final": final, "poll_after_seconds": 2},
    }


class TestWatch:
    """Following one checkout to its end, whatever the network does."""

    def test_states_come_once_and_forwards_over_reconnections(self) -> None:
        script_of = [
            stream(state(1, "created"), state(2, "opened")),
            stream(state(2, "opened"), state(1, "created"), state(4, "offered")),
            hang_up,
            stream(state(4, "offered"), state(7, "captured", final=True), state(8, "closed", final=True)),
        ]
        with loopback(*script_of) as script:
            statuses = [checkout.status for checkout in client_of(script).checkouts.watch("chk_1")]
        assert statuses == ["created", "opened", "offered", "captured"]

    def test_without_a_stream_it_polls_at_the_pace_the_server_names(self) -> None:
        clock = ManualClock()
        no_stream = answer(200, raw=b"<html>", headers={"Content-Type": "text/html"})
        polled = [
            answer(200, state(1, "created")),
            answer(200, state(2, "opened")),
            answer(200, state(3, "expired", final=True)),
        ]
        with loopback(no_stream, no_stream, no_stream, *polled) as script:
            statuses = [
                checkout.status for checkout in client_of(script, clock=clock).checkouts.watch("chk_1")
            ]
        assert statuses == ["created", "opened", "expired"]
        assert [seen.path.endswith("/stream") for seen in script.seen] == [True] * 3 + [False] * 3
        assert clock.slept_seconds[-2:] == [2.0, 2.0]

    def test_a_final_refusal_is_raised(self) -> None:
        with loopback(problem(404, "not_found")) as script, pytest.raises(errors.NotFoundError):
            list(client_of(script).checkouts.watch("chk_1"))

    def test_a_network_that_stays_down_is_raised_and_not_waited_for_for_ever(self) -> None:
        with loopback(hang_up) as script, pytest.raises(errors.ConnectionFailed):
            list(client_of(script).checkouts.watch("chk_1"))

    def test_a_time_limit_is_kept(self) -> None:
        with loopback(stream(state(1, "created"))) as script, pytest.raises(errors.RequestTimeout):
            list(client_of(script).checkouts.watch("chk_1", timeout_seconds=10))


class TestOneOrderOneCheckout:
    """Calling create again for the same order, against the fake server."""

    def test_a_retried_web_request_gets_the_same_checkout_as_it_stands_now(self, server: FakeServer) -> None:
        client = server.client()
        first = create(client)
        server.advance(first.id, to="opened")
        again = create(client)
        assert (again.id, again.status) == (first.id, "opened")

    def test_an_order_whose_checkout_died_gets_a_new_one_and_only_one(self, server: FakeServer) -> None:
        client = server.client()
        first = create(client)
        server.advance(first.id, to="declined")
        second, third = create(client), create(client)
        assert second.id == third.id != first.id
        client.checkouts.cancel(second.id)
        assert create(client).id not in (first.id, second.id)

    def test_the_same_order_with_other_details_is_a_conflict_that_is_seen(self, server: FakeServer) -> None:
        client = server.client()
        create(client, description="a bicycle")
        with pytest.raises(errors.IdempotencyError, match="'o-1' has a checkout with other details"):
            create(client, description="two bicycles")

    def test_a_lost_answer_makes_no_second_checkout(self, server: FakeServer) -> None:
        server.lose_next_answer()
        client = server.client()
        checkout = create(client)
        assert [one.id for one in client.checkouts.list()] == [checkout.id]


def test_a_call_names_itself_once_over_all_its_tries_and_in_the_error_that_got_no_answer() -> None:
    seen: list[str] = []

    class Dead(requests.adapters.BaseAdapter):
        def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
            seen.append(request.headers["X-Request-Id"])
            raise requests.exceptions.ConnectionError("no answer")

        def close(self) -> None:
            pass

    session = requests.Session()
    session.mount("https://", Dead())
    client = Client(
        api_key="sk_test_abcd", base_url="https://fenqi.invalid", session=session, clock=ManualClock()
    )
    with pytest.raises(errors.ConnectionFailed) as failure:
        client.loans.retrieve("loan_1")
    assert len(seen) == 3 and len(set(seen)) == 1
    assert failure.value.request_id == seen[0] and seen[0] in str(failure.value)
