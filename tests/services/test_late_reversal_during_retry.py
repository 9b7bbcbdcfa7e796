"""A success that is told and taken back while a later try is under way: nothing is asked for a second time."""

import pytest

from merchant_server.domain.errors import RuleRefused
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.collection.deductions import ask_bank, request_due
from merchant_server.services.collection.early_settlement import quote_own
from tests.installation import Installation
from tests.services.collecting import deductions_of, loan_of


def test_a_row_that_is_owed_again_waits_for_the_try_that_is_under_way(installation: Installation) -> None:
    house = installation
    sold = house.sell(plan="p3", account="0002")
    house.advance(months=1)
    request_due(house.deps, house.caller.merchant_id)
    ask_bank(house.deps)
    house.clock.pass_(seconds=30)
    ask_bank(house.deps)
    house.advance(days=1)
    request_due(house.deps, house.caller.merchant_id)
    ask_bank(house.deps)
    first, second = deductions_of(house, sold)
    assert (first.status, second.status) == ("failed", "pending")
    told = {
        "gateway_account": house.bank.gateway_account, "mode": "test", "kind": "deduction.reversed",
        "reference": first.id, "mandate_reference": first.mandate_id, "status": "reversed", "code": "reversed",
        "amount": first.amount.to_dict(), "occurred_at": house.clock.now().isoformat(),
    }  # fmt: skip
    assert (
        receive(house.deps, *house.bank.signed(told, "bev_12345678", house.clock.now())).outcome == "applied"
    )
    with pytest.raises(RuleRefused) as refused:
        quote_own(house.deps, loan_of(house, sold).consumer_id, str(sold.loan_id))
    assert refused.value.code == "deduction_in_flight"
    for _ in range(8):
        house.advance(days=1)
        request_due(house.deps, house.caller.merchant_id)
    assert len(deductions_of(house, sold)) == 2
    house.work()
    # The try had no money either; the next one pays.
    house.advance(days=10)
    house.work()
    assert [each.status for each in deductions_of(house, sold)][:2] == ["reversed", "failed"]
