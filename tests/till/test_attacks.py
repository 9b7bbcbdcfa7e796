"""Nobody but the till sells in its name: forged, edited, replayed, over-limit and revoked codes are all refused.

FENQI_FORGERIES says how many; `make soak` tries 100,000.
"""

import os
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from fenqi import Money
from fenqi.till import SecretKeys
from fenqi.till.messages import SaleMessage, apart, with_signature
from fenqi.till.packing import ALPHABET, from_letters, to_letters

from merchant_server.domain.errors import DomainError
from merchant_server.services.sale import offline
from tests.till.conftest import granted, letters

FORGERIES = int(os.environ.get("FENQI_FORGERIES", "10000"))
KINDS = ("forged", "edited letters", "edited bytes", "replayed", "over limit", "revoked")


def count(counter):
    with counter.house.deps.storage.reading() as uow:
        found = uow.checkouts.page(
            counter.house.caller.merchant_id, "test", before=None, limit=10, status=None, reference=None
        )
    return len(found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(900)
def test_no_such_code_is_taken(counter, kind):
    chance = random.Random(f"attack {kind}")
    genuine = counter.sell()
    revoked = SecretKeys.new()
    offline.revoke_till_key(counter.house.deps, granted(counter.house, revoked).key_id)
    if kind == "replayed":
        counter.open(genuine)
    before = count(counter)
    taken = 0
    # The two engines share the number: the rules are the same code.
    for _ in range(FORGERIES // len(KINDS) // 2):
        try:
            offline.redeem(counter.house.deps, attack(kind, counter.keys, revoked, letters(genuine), chance))
        except DomainError as refused:
            assert refused.code in CODES[kind], refused.code
        else:
            taken += 1
    assert taken == 0
    assert count(counter) == before


CODES = {
    "forged": {"offline_token_forged"},
    "edited letters": {"offline_token_forged", "offline_token_malformed"},
    "edited bytes": {"offline_token_forged", "offline_token_malformed"},
    "replayed": {"offline_sale_replayed"},
    "over limit": {"offline_amount_over_limit"},
    "revoked": {"till_key_revoked"},
}


def attack(kind, keys, revoked, text, chance):
    payload, signature = apart(text)
    message = SaleMessage.from_payload(payload)
    if kind == "forged":
        changed = replace(message, nonce=chance.randbytes(8), amount=Money(chance.randint(1, 500_000), "CNY"))
        liar = SecretKeys(chance.randbytes(32))
        return with_signature(changed.payload(), liar.sign(changed.signed_bytes()))
    if kind == "edited letters":
        at = chance.randrange(len(text))
        letter = chance.choice(ALPHABET.replace(text[at], ""))
        return text[:at] + letter + text[at + 1 :]
    if kind == "edited bytes":
        raw = bytearray(payload + signature)
        for _ in range(chance.randint(1, 3)):
            raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        return to_letters(bytes(raw)) if bytes(raw) != payload + signature else text[:-8]
    if kind == "replayed":
        later = message.issued_at + timedelta(seconds=chance.randint(1, 500))
        return signed(
            keys, replace(message, issued_at=later, amount=Money(chance.randint(1, 500_000), "CNY"))
        )
    changed = replace(message, nonce=chance.randbytes(8))
    if kind == "over limit":
        return signed(keys, replace(changed, amount=Money(chance.randint(500_001, 10**12), "CNY")))
    return signed(revoked, replace(changed, fingerprint=revoked.public.fingerprint))


def signed(keys, message):
    return with_signature(message.payload(), keys.sign(message.signed_bytes()))


def test_letters_have_one_reading():
    chance = random.Random(7)
    for length in range(1, 120):
        raw = chance.randbytes(length)
        assert from_letters(to_letters(raw)) == raw
        assert from_letters(to_letters(raw).lower()) == raw
