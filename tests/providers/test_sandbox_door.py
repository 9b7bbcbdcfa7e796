"""Who may speak to the sandbox, and what it refuses."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from stdnum.cn import ric

from merchant_server.ports import ProviderUnavailable
from merchant_server.providers.bank import HttpBank
from merchant_server.providers.bank_callbacks import public_key_id
from merchant_server.providers.sandbox.app import SandboxServer
from merchant_server.providers.sandbox.magic import ACCOUNTS, PEOPLE
from merchant_server.providers.sandbox.settings import SandboxSettings
from tests.providers.desk import KEY, Desk


class TestDoor:
    """Nobody without the key, nothing but strict JSON, and every refusal a problem document."""

    @pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", KEY, f"Bearer {KEY}x"])
    def test_a_wrong_key_is_refused_everywhere(self, desk: Desk, given: str) -> None:
        for method, path in [
            ("GET", "/sms/v1/messages"),
            ("POST", "/bank/v1/deductions"),
            ("GET", "/nowhere"),
        ]:
            answer = desk.call(method, path, headers={"authorization": given})
            assert answer.status_code == 401
            assert answer.json()["code"] == "api_key_wrong"
            assert answer.headers["content-type"] == "application/problem+json"
        with pytest.raises(ProviderUnavailable, match="API key"):
            HttpBank(base_url=desk.base_url, api_key="x", gateway_account="g", keys={}).find_deduction(
                reference="d"
            )

    def test_health_needs_no_key(self, desk: Desk) -> None:
        assert requests.get(f"{desk.base_url}/healthz", timeout=5).json() == {"status": "ok"}

    def test_phones_open_the_banks_page_where_it_is_said_to_be(self, tmp_path: Path) -> None:
        settings = SandboxSettings(
            database_path=str(tmp_path / "sandbox.sqlite"),
            api_key=KEY,
            callback_url="",
            signing_key_pem_path=str(tmp_path / "bank.pem"),
            public_url="http://192.0.2.7:8011",
        )
        payment = {
            "reference": "pay_0001",
            "amount": {"minor": 100, "currency": "CNY"},
            "description": "自行车",
            "return_url": "",
            "expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        }
        with SandboxServer(settings) as server:
            answer = requests.post(
                f"{server.base_url}/bank/v1/payments",
                json=payment,
                headers={"authorization": f"Bearer {KEY}"},
                timeout=5,
            )
            at = str(answer.json()["pay_url"])
            assert at.startswith("http://192.0.2.7:8011/bank/pay/")
            assert requests.get(server.base_url + urlsplit(at).path, timeout=5).status_code == 200

    @pytest.mark.parametrize(
        ("method", "path", "more", "status", "code"),
        [
            ("GET", "/nowhere", {}, 404, "not_found"),
            ("DELETE", "/bank/v1/deductions", {}, 405, "method_not_allowed"),
            ("POST", "/bank/v1/deductions", {"data": "{}"}, 415, "content_type_unsupported"),
            ("POST", "/bank/v1/deductions", {"data": "x" * 70_000}, 413, "request_entity_too_large"),
            ("GET", "/bank/v1/deductions/ded_none", {}, 404, "deduction_unknown"),
            ("GET", "/bank/v1/mandates/mnd_none", {}, 404, "mandate_unknown"),
            ("GET", "/sms/v1/messages?after=x", {}, 422, "cursor_invalid"),
            ("GET", "/bank/v1/ledger?limit=0", {}, 422, "limit_invalid"),
            ("GET", "/bank/v1/ledger?limit=9999999", {}, 422, "limit_invalid"),
            ("POST", "/bank/v1/callbacks/bev_none/resend", {}, 404, "callback_unknown"),
        ],
    )
    def test_a_wrong_request_gets_a_problem_document(
        self, desk: Desk, method: str, path: str, more: dict[str, Any], status: int, code: str
    ) -> None:
        headers = {"content-type": "application/json"} if status == 413 else {}
        answer = desk.call(method, path, headers=headers, **more)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert ("allow" in answer.headers) == (status == 405)

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "[]",
            "{}",
            '{"reference":"ded_1","mandate_reference":"mnd_0001","amount":{"minor":1.5,"currency":"CNY"}}',
            '{"reference":"ded_1","mandate_reference":"mnd_0001","amount":{"minor":NaN,"currency":"CNY"}}',
            '{"reference":"ded_1","mandate_reference":"mnd_0001","amount":{"minor":true,"currency":"CNY"}}',
            '{"reference":"ded_1","mandate_reference":"mnd_0001","amount":{"minor":0,"currency":"CNY"}}',
            '{"reference":"ded_1","mandate_reference":"mnd_0001","amount":{"minor":1,"currency":"cny"}}',
            '{"reference":"ded_1","mandate_reference":"mnd_0001","amount":{"minor":1,"minor":2,"currency":"CNY"}}',
            '{"reference":"ded_1","mandate_reference":"mnd_0001","amount":{"minor":1,"currency":"CNY"},"x":1}',
            '{"reference":"../x","mandate_reference":"mnd_0001","amount":{"minor":1,"currency":"CNY"}}',
            '{"reference":"","mandate_reference":"mnd_0001","amount":{"minor":1,"currency":"CNY"}}',
            '{"reference":"ded_1","mandate_reference":"\\ud800","amount":{"minor":1,"currency":"CNY"}}',
        ],
    )
    def test_a_body_that_is_not_as_agreed_takes_on_no_deduction(self, desk: Desk, body: str) -> None:
        desk.mandate()
        answer = desk.call(
            "POST", "/bank/v1/deductions", data=body.encode(), headers={"content-type": "application/json"}
        )
        assert answer.status_code == 422
        assert desk.call("GET", "/bank/v1/ledger").json()["deductions"] == []

    def test_the_published_key_is_the_one_that_signs(self, desk: Desk) -> None:
        row = desk.call("GET", "/bank/v1/keys").json()["keys"][0]
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(row["public_key"]))
        assert row["key_id"] == public_key_id(public)
        assert list(desk.keys) == [row["key_id"]]


class TestMagicValues:
    """The magic values are one table, published by the program itself."""

    @pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.meaning)
    def test_every_magic_id_number_is_a_valid_one(self, person: Any) -> None:
        assert ric.validate(person.id_number) == person.id_number
        assert ric.get_birth_date(person.id_number).year == 1990

    def test_no_two_magic_people_share_a_number(self) -> None:
        assert len({person.id_number for person in PEOPLE}) == len(PEOPLE)

    def test_the_program_publishes_its_table(self, desk: Desk) -> None:
        told = desk.call("GET", "/magic/v1/values").json()
        assert [row["id_number"] for row in told["people"]] == [person.id_number for person in PEOPLE]
        assert [row["behaviour"] for row in told["accounts"]] == [account.behaviour for account in ACCOUNTS]
        assert all(row["meaning"] and row["meaning_zh"] for row in told["people"] + told["accounts"])
