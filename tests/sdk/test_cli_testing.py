"""The commands for developing against test mode: login, trigger, events, clock, doctor, till."""

import json
import re
import stat

import pytest
from fenqi import Money, webhooks
from fenqi.cli import Surroundings
from fenqi.cli.trigger_scripts import BY_OTHERS, SCRIPTS
from fenqi.testing import ManualClock
from fenqi.till import PublicKeys, SecretKeys, Till, TillRefused
from fenqi.wire.vocabulary import EVENT_TYPES

from .loopback import answer, loopback
from .test_cli import SECRET, beside, run


class FakePlayer:
    """Plays consumer and bank against the fake server."""

    def __init__(self, server):
        self.server = server

    def advance(self, checkout, to, *, account="0001"):
        self.server.advance(checkout.id, to=to)

    def fall_due(self, loan_id):
        self.server.pay_installment(loan_id)

    def let_days_pass(self, days):
        self.server.pay_out()

    def dispute(self, checkout):
        self.server.open_dispute(checkout.loan_id)


def playing(server):
    return Surroundings(clock=server.clock, client=server.client(), player=FakePlayer(server))


# The fake bank always pays, nothing is pushed, and nobody is late; the demo's own test makes these.
NOT_IN_MEMORY = {
    "deduction.failed", "loan.overdue", "penalty.charged", "mandate.revoked",
    "webhook_endpoint.ping", "webhook_endpoint.disabled",
}  # fmt: skip


def test_every_event_of_the_catalogue_can_be_triggered_or_says_who_can():
    assert set(SCRIPTS) | set(BY_OTHERS) == set(EVENT_TYPES)
    assert not set(SCRIPTS) & set(BY_OTHERS)


@pytest.mark.parametrize("event", sorted(BY_OTHERS))
def test_what_takes_somebody_else_says_who(server, event):
    done = run("trigger", event, obj=playing(server))
    assert done.exit_code != 0
    assert event in done.output and BY_OTHERS[event].split(":")[0] in " ".join(done.output.split())


@pytest.mark.parametrize("event", sorted(set(SCRIPTS) - NOT_IN_MEMORY))
def test_trigger_makes_the_event_happen_and_prints_it(server, event):
    done = run("trigger", event, "--json", obj=playing(server))
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["type"] == event
    assert event in [each.type for each in server.events]


def test_an_event_that_cannot_be_triggered_is_answered_with_those_that_can(server):
    done = run("trigger", "loan.exploded", obj=playing(server))
    assert done.exit_code == 2
    assert "checkout.captured" in done.output


def test_trigger_gives_up_when_the_event_does_not_come(server):
    done = run("trigger", "deduction.failed", obj=playing(server))
    assert done.exit_code == 3
    assert "did not happen" in done.output and "worker" in done.output


def test_login_checks_the_key_and_keeps_it_for_its_owner_only(server, tmp_path):
    file = tmp_path / "fenqi" / "config.json"
    done = run("login", "--api-key", server.api_key, obj=beside(server), env={"FENQI_CONFIG": str(file)})
    assert done.exit_code == 0, done.output
    assert server.api_key not in done.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text()) == {"api_key": server.api_key, "base_url": server.base_url}


def test_a_kept_key_is_used_unless_the_environment_names_one(tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"api_key": "sk_test_kept_0123456789", "base_url": "https://kept.invalid"}))
    place = Surroundings(clock=ManualClock())
    with pytest.MonkeyPatch.context() as env:
        env.setenv("FENQI_CONFIG", str(file))
        env.delenv("FENQI_API_KEY", raising=False)
        env.delenv("FENQI_BASE_URL", raising=False)
        assert place.connect().base_url == "https://kept.invalid"
        env.setenv("FENQI_API_KEY", "sk_test_env_0123456789")
        env.setenv("FENQI_BASE_URL", "https://env.invalid")
        assert place.connect().base_url == "https://env.invalid"
    file.write_text("{")
    done = run("clock", "show", env={"FENQI_CONFIG": str(file)})
    assert done.exit_code == 2 and "fenqi login" in done.output


def test_a_wrong_key_is_not_kept(server, tmp_path):
    file = tmp_path / "config.json"
    wrong = Surroundings(clock=server.clock, client=server.client(api_key="sk_test_wrong"))
    done = run("login", "--api-key", "sk_test_wrong", obj=wrong, env={"FENQI_CONFIG": str(file)})
    assert done.exit_code == 1
    assert not file.exists()


def test_login_takes_the_key_of_a_running_demo(server, tmp_path):
    shop, file = tmp_path / "shop.json", tmp_path / "config.json"
    shop.write_text(json.dumps({"api_key": server.api_key}))
    env = {"FENQI_CONFIG": str(file)}
    assert run("login", "--demo", str(shop), obj=beside(server), env=env).exit_code == 0
    assert json.loads(file.read_text())["api_key"] == server.api_key
    assert run("login", "--demo", str(shop.parent), obj=beside(server), env=env).exit_code == 0
    missing = run("login", "--demo", str(tmp_path / "none.json"), obj=beside(server), env=env)
    assert missing.exit_code == 2 and "make demo" in missing.output


def test_the_feed_is_printed_from_a_cursor_on(server):
    client = server.client()
    for number in range(3):
        client.checkouts.create(amount=Money(1000, "CNY"), reference=f"o-{number}")
    done = run("events", "tail", "--once", "--after", "1", obj=beside(server))
    assert len(done.output.splitlines()) == 2 and "checkout.created" in done.output
    lines = run("events", "tail", "--once", "--json", obj=beside(server)).output.splitlines()
    assert [json.loads(line)["sequence"] for line in lines] == [1, 2, 3]


def test_past_events_are_posted_again_under_their_own_ids(server):
    client = server.client()
    for number in range(2):
        client.checkouts.create(amount=Money(1000, "CNY"), reference=f"o-{number}")
    first = server.events[0].id
    with loopback(answer(204, raw=b""), answer(204, raw=b"")) as receiver:
        url, requests = receiver.url, receiver.seen
        done = run("events", "replay", first, "--forward-to", url, "--secret", SECRET, obj=beside(server))
        assert done.exit_code == 0, done.output
        run("events", "replay", "--after", "1", "--forward-to", url, "--secret", SECRET, obj=beside(server))
    assert [request.headers["webhook-id"] for request in requests] == [each.id for each in server.events]
    event = webhooks.verify(requests[0].body, requests[0].headers, SECRET, now=server.clock.now())
    assert event.id == first
    unknown = run("events", "replay", "evt_x", "--forward-to", "http://127.0.0.1:9", obj=beside(server))
    assert unknown.exit_code == 2 and "evt_x" in unknown.output
    assert run("events", "replay", "--forward-to", "http://127.0.0.1:9", obj=beside(server)).exit_code == 2


def test_the_clock_is_shown_and_turned(server):
    assert "0 days ahead" in run("clock", "show", obj=beside(server)).output
    turned = run("clock", "advance", "2 days", "--json", obj=beside(server))
    assert json.loads(turned.output)["offset_seconds"] == 172_800
    assert run("clock", "advance", obj=beside(server)).exit_code == 2


def test_the_doctor_looks_at_the_endpoints_and_speaks_json(server):
    healthy = run("doctor", "--json", obj=beside(server))
    assert json.loads(healthy.output)["healthy"] is True
    server.client().webhook_endpoints.create(url="http://127.0.0.1:5000/hook")
    assert "127.0.0.1:5000/hook is active" in run("doctor", obj=beside(server)).output


def test_a_till_is_worked_from_the_shell(server, tmp_path):
    folder = tmp_path / "till"
    public = run("till", "key", str(folder)).output.strip()
    grant = server.tills.grant(PublicKeys.parse(public), sale_max=Money(500_000, "CNY"))
    (folder / "grant.json").write_text(json.dumps(grant.to_dict()))
    shell = beside(server)
    shown = run("till", "sell", str(folder), "--amount", "860.00", "--reference", "o-1", "--json", obj=shell)
    sale = json.loads(shown.output)
    assert re.fullmatch(r"https://fenqi\.invalid/o/[0-9A-Z]+", sale["url"])
    checkout_id = server.tills.open(sale["url"])
    server.advance(checkout_id, to="captured")
    receipt = server.tills.receipt(checkout_id)
    wrong = run("till", "confirm", str(folder), sale["id"], "00000000", obj=shell)
    assert wrong.exit_code == 1 and "4 tries are left" in wrong.output
    assert "confirmed" in run("till", "confirm", str(folder), sale["id"], receipt.code, obj=shell).output
    assert "settled" in run("till", "reconcile", str(folder), obj=shell).output


def test_a_link_goes_to_a_phone_while_no_other_has_opened_it(server):
    client = server.client()
    checkout = client.checkouts.create(amount=Money(1000, "CNY"), reference="o-1")
    client.checkouts.send_link(checkout.id, "138 0013 8000")
    client.checkouts.send_link(checkout.id, "138 0013 8000")
    assert server.texts == (("138 0013 8000", checkout.url),)


def test_the_fake_server_refuses_what_the_real_one_refuses(server, tmp_path):
    keys = SecretKeys.new()
    grant = server.tills.grant(keys.public, sale_max=Money(1000, "CNY"))
    stranger = Till(SecretKeys.new(), grant, tmp_path / "a.sqlite", clock=server.clock)
    sale = Till(keys, grant, tmp_path / "b.sqlite", clock=server.clock).sell(Money(900, "CNY"), reference="o")
    assert server.tills.open(sale.url) == server.tills.open(sale.url)
    for url in ("https://fenqi.invalid/o/ABC", stranger.sell(Money(900, "CNY"), reference="o").url):
        with pytest.raises(TillRefused):
            server.tills.open(url)
