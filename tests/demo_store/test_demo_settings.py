"""Settings: what is missing or wrong is named with the variable and what to write."""

import json

import pytest

from demo_store.settings import SettingsError, from_env

GOOD = {
    "FENQI_API_KEY": "sk_test_1",
    "FENQI_WEBHOOK_SECRET": "whsec_a, whsec_b",
    "DEMO_STORES": json.dumps([{"id": "sto_1", "name": "A"}]),
    "DEMO_TILLS": json.dumps([{"id": "til_1", "name": "T", "store_id": "sto_1"}]),
}


def test_a_full_environment_is_read() -> None:
    settings = from_env(GOOD | {"DEMO_PUBLIC_URL": "http://192.168.1.5:5000/"})
    assert settings.webhook_secrets == ("whsec_a", "whsec_b")
    assert settings.public_url == "http://192.168.1.5:5000"
    assert settings.tills[0].store_id == settings.stores[0].id and settings.mode == "test"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FENQI_API_KEY", ""),
        ("FENQI_API_KEY", "pk_test_1"),
        ("DEMO_PUBLIC_URL", "shop.example"),
        ("FENQI_BASE_URL", "ftp://fenqi"),
        ("DEMO_STORES", "{"),
        ("DEMO_STORES", '{"id": "sto_1"}'),
        ("DEMO_STORES", '[{"id": "sto_1"}]'),
        ("DEMO_STORES", '[{"id": 1, "name": "A"}]'),
        ("DEMO_TILLS", '[{"id": "til_1", "name": "T", "store_id": "sto_9"}]'),
    ],
)
def test_a_wrong_setting_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        from_env(GOOD | {name: value})
    assert caught.value.field == name and name in str(caught.value)


def test_secrets_are_not_in_the_repr() -> None:
    shown = repr(from_env(GOOD))
    assert "whsec" not in shown and "sk_test" not in shown
