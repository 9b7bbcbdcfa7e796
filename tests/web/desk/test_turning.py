"""What a visitor can turn: the clock, the faults, one more callback. Each is a plain form, guarded as every page is."""

import pytest

from merchant_server.ports import FaultDials, SentCallback
from merchant_server.services.operation.test_clock import read_clock
from tests.web.desk.visitor import Desk

DAY_SECONDS = 86_400


def ahead_seconds(desk: Desk) -> int:
    house = desk.installation
    with house.deps.storage.reading() as uow:
        return read_clock(uow, house.deps, house.caller).offset_seconds


def merchant(desk: Desk) -> str:
    return desk.installation.caller.merchant_id


@pytest.mark.parametrize(("step", "days"), [("day", 1), ("month", 30)])
def test_a_button_turns_the_clock_and_leads_back_to_it(desk: Desk, step: str, days: int) -> None:
    answer = desk.post("/desk/clock", merchant=merchant(desk), step=step)
    assert (answer.status_code, answer.location) == (303, "/desk#clock")
    assert ahead_seconds(desk) == days * DAY_SECONDS


def test_what_falls_due_is_then_collected(desk: Desk) -> None:
    desk.installation.sell()
    desk.post("/desk/clock", merchant=merchant(desk), step="month")
    desk.installation.work()
    assert "paid 1 · scheduled 11" in desk.panel("loans")


def test_a_form_without_its_token_turns_nothing(desk: Desk) -> None:
    answer = desk.browser.post("/desk/clock", data={"merchant": merchant(desk), "step": "month"})
    assert answer.status_code == 400
    assert ahead_seconds(desk) == 0


def test_a_form_of_another_site_turns_nothing(desk: Desk) -> None:
    desk.browser.environ_base["HTTP_SEC_FETCH_SITE"] = "cross-site"
    assert desk.post("/desk/clock", merchant=merchant(desk), step="month").status_code == 403
    assert ahead_seconds(desk) == 0


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/desk/clock", {"merchant": "mer_unknown", "step": "day"}, 404),
        ("/desk/clock", {"step": "day"}, 404),
        ("/desk/clock", {"step": "year"}, 422),
        ("/desk/clock", {}, 422),
        ("/desk/faults", {"fault": "explode"}, 422),
        ("/desk/faults", {}, 422),
        ("/desk/callbacks/bev_unknown", {}, 404),
    ],
)
def test_what_is_not_on_the_desk_is_refused(desk: Desk, path: str, form: dict[str, str], status: int) -> None:
    before = desk.window.now_dials
    assert desk.post(path, **form).status_code == status
    assert (ahead_seconds(desk), desk.window.now_dials, desk.window.resent) == (0, before, [])


def test_no_button_works_by_get(desk: Desk) -> None:
    for path in ("/desk/clock", "/desk/faults", "/desk/callbacks/bev_1"):
        answer = desk.browser.get(path)
        assert answer.status_code == 405
        assert "POST" in answer.headers["Allow"]


def test_the_clock_stops_a_hundred_years_ahead(desk: Desk) -> None:
    house = desk.installation
    with house.deps.storage.unit_of_work() as uow:
        uow.merchants.advance_clock(merchant(desk), 100 * 366 * DAY_SECONDS - 60)
    assert desk.post("/desk/clock", merchant=merchant(desk), step="day").status_code == 422


@pytest.mark.parametrize(
    ("fault", "dials"),
    [
        ("hold", FaultDials(300, 20_000, 3_000, True, 0, 0)),
        ("drop", FaultDials(300, 20_000, 3_000, False, 1, 0)),
        ("forge", FaultDials(300, 20_000, 3_000, False, 0, 1)),
        ("delay_5000", FaultDials(5_000, 20_000, 3_000, False, 0, 0)),
    ],
)
def test_a_fault_is_turned_on_and_all_are_turned_off(desk: Desk, fault: str, dials: FaultDials) -> None:
    answer = desk.post("/desk/faults", fault=fault)
    assert (answer.status_code, answer.location) == (303, "/desk#faults")
    assert desk.window.now_dials == dials
    desk.post("/desk/faults", fault="none")
    assert desk.window.now_dials == FaultDials(300, 20_000, 3_000, False, 0, 0)


def test_held_callbacks_can_be_let_go(desk: Desk) -> None:
    desk.post("/desk/faults", fault="hold")
    assert "The bank holds its callbacks back" in desk.panel("faults")
    desk.post("/desk/faults", fault="flow")
    assert "The bank sends its callbacks" in desk.panel("faults")


def test_a_callback_is_sent_once_more(desk: Desk) -> None:
    desk.window.callbacks = [SentCallback("bev_1", 0, "deduction.succeeded", "ded_1", "delivered", ())]
    assert desk.post("/desk/callbacks/bev_1").location == "/desk#bank"
    assert desk.window.resent == ["bev_1"]


def test_a_fault_cannot_be_turned_on_while_the_sandbox_is_silent(desk: Desk) -> None:
    desk.page()
    desk.window.down = True
    answer = desk.post("/desk/faults", fault="hold")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
