"""Asking the bank to sign a mandate, outside any transaction; what its answer means is the caller's."""

from merchant_server.domain.consumer import Consumer
from merchant_server.domain.deduction import Mandate
from merchant_server.ports import ProviderRefused
from merchant_server.services.deps import Deps


def sign_at_bank(deps: Deps, mandate: Mandate, consumer: Consumer) -> None:
    """Have a mandate signed in its owner's name; signed before, it stays as it is.

    Raises ProviderUnavailable, and ProviderRefused also when the bank leaves it anything but active.
    """
    answer = deps.bank.sign_mandate(
        reference=mandate.id,
        account_token=mandate.account_token,
        name=consumer.person.name,
        id_number=consumer.person.id_number,
        cap=mandate.cap,
    )
    if answer.status != "active":
        raise ProviderRefused("bank", answer.code or "mandate_refused", "the bank signs no mandate")
