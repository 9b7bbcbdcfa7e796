"""Valid id numbers and phones for as many people as a test needs, and a random vector of features."""

import random
from datetime import date, timedelta

from merchant_server.domain.features import Features

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def id_number(number: int, born: str = "19900307") -> str:
    """Return a valid id number (GB 11643) with this sequence; sequences from 100 to 700 are ordinary people."""
    body = f"110101{born}{number:03d}"
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, _WEIGHTS, strict=True)) % 11]


def phone(number: int) -> str:
    """Return a mobile number."""
    return f"+86138001{number:05d}"


def random_features(chance: random.Random) -> Features:
    """Return any vector that sources could give."""
    status = chance.choice(["found"] * 6 + ["thin", "unknown"])
    return Features(
        currency=chance.choice(["CNY"] * 6 + ["USD", "JPY", "XTS"]),
        amount_minor=chance.randrange(4_000_000),
        age_years=chance.choice([17, 66, *range(18, 66)]),
        identity=chance.choice(["match"] * 8 + ["mismatch", "unknown"]),
        bureau_status=status,
        bureau_score=chance.randrange(300, 901) if status == "found" else None,
        bureau_debts_minor=chance.randrange(25_000_000),
        bureau_worst_overdue_days=chance.choice([0, 0, 0, 0, 30, 60]),
        bureau_inquiries_30d=chance.randrange(12),
        own_open_loans=chance.randrange(6),
        own_outstanding_minor=chance.randrange(1_000_000),
        own_worst_overdue_days=chance.choice([0] * 9 + [5]),
        own_refusals_30d=chance.randrange(4),
        merchant_category=chance.choice(["education", "travel", "rent", "electronics"]),
        decided_on=date(2026, 1, 1) + timedelta(days=chance.randrange(300)),
        mode=chance.choice(["test", "live"]),
        purpose=chance.choice(["purchase", "preapproval"]),
        disclosure_pack=chance.choice(["CN", "CN", "EU", "UK", "US"]),
        installment_minor=chance.randrange(400_000),
        annual_cost_bps=chance.randrange(2_600),
        income_stated_minor=chance.choice([0, 0, chance.randrange(3_000_000)]),
        income_seen_minor=chance.choice([0, 0, chance.randrange(3_000_000)]),
        debts_stated_minor=chance.randrange(10_000_000),
        bureau_age_days=chance.randrange(60),
        line_status=chance.choice(["none", "live", "expired"]),
        review_verdict=chance.choice(["none"] * 6 + ["approved", "declined"]),
        review_limit_minor=chance.randrange(6_000_000),
        person_applications_24h=chance.randrange(12),
        phone_persons_30d=chance.randrange(4),
        blocked_matches=chance.choice([0] * 12 + [1]),
    )
