"""`fenqi trigger`: make an event happen in test mode, by doing what makes it happen: a sale, a signature, a due day."""

import click

from fenqi.cli.feed import show
from fenqi.cli.staging import SandboxPlayer, Scene
from fenqi.cli.surroundings import Surroundings
from fenqi.cli.trigger_scripts import BY_OTHERS, SCRIPTS
from fenqi.errors import InvalidArgument
from fenqi.finance.money import Money
from fenqi.wire.vocabulary import EVENT_TYPES


@click.command()
@click.argument("event", type=click.Choice(sorted(EVENT_TYPES)), metavar="EVENT")
@click.option("--amount", default="600.00", show_default=True, help="Price of the sale, in major units.")
@click.option("--currency", default="CNY", show_default=True, help="ISO 4217 code.")
@click.option("--json", "as_json", is_flag=True, help="Print the event's JSON.")
@click.pass_obj
def trigger(surroundings: Surroundings, event: str, amount: str, currency: str, as_json: bool) -> None:
    """Do in the sandbox what makes EVENT happen, and print it: a real sale with a made-up person.

    EVENT is any type of event; one that takes an operator or days of waiting says so.
    """
    if event in BY_OTHERS:
        raise InvalidArgument(
            f"A merchant cannot make {event} happen at will.", field="event", hint=BY_OTHERS[event]
        )
    client = surroundings.connect()
    player = surroundings.player or SandboxPlayer(client, surroundings)
    cursor = client.events.newest_cursor()
    scene = Scene(client, player, surroundings, Money.parse(amount, currency))
    about = SCRIPTS[event](scene)
    show(scene.await_event(event, about, cursor), as_json=as_json)
