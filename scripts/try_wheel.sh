#!/usr/bin/env bash
# Install a wheel into an empty virtual environment and run the quick start with it.
set -euo pipefail
wheel=$(realpath "$1")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$wheel"
cd "$place"
venv/bin/python - <<'PY'
import sys
from datetime import date
from importlib.metadata import distributions

from fenqi import Money, Plan, qr, quote, webhooks
import fenqi.web

offer, = quote(Money.parse("3999.00", "CNY"), [Plan(id="p12", installments=12, annual_rate="0.12")], on=date(2026, 11, 21))
assert str(offer.per_installment) == "CNY 355.31", offer.per_installment
assert sum(row.total.minor for row in offer.schedule.installments) == offer.total_payable.minor
assert qr.svg("https://example.com/p/abc").startswith("<svg")
assert "fenqi-offers" in str(fenqi.web.offers_html([offer]))
assert fenqi.web.widget_js() and callable(webhooks.verify)
names = {each.metadata["Name"].lower() for each in distributions()}
assert not names & {"flask", "cryptography", "typst", "zen-engine"}, names
assert "flask" not in sys.modules
own = names - {"pip", "setuptools", "wheel"}
assert len(own) <= 12, sorted(own)
size = sum(file.locate().stat().st_size for each in distributions() if each.metadata["Name"].lower() in own
           for file in each.files or () if file.locate().is_file())
assert size <= 25 * 1024 * 1024, size
print(f"the quick start runs from the wheel with {len(own)} distributions in {size >> 20} MB")
PY
venv/bin/fenqi quote --amount 3999.00 --currency CNY --plan 12x0.12 --on 2026-11-21 >/dev/null
