"""What the store must be told from outside: keys, addresses, counters. Read once, never changed afterwards."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from environs import Env, EnvError
from fenqi import FenqiError


class SettingsError(FenqiError):
    """A setting is missing or unusable; `field` is its environment name, the message says what to write."""

    default_code = "settings_invalid"


@dataclass(frozen=True, slots=True)
class Store:
    """A shop with a counter, as fenqi knows it (`sto_…`)."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Till:
    """A device at the counter of one store (`til_…`)."""

    id: str
    name: str
    store_id: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything `create_app` needs. Secrets stay out of the repr."""

    database: str
    public_url: str = "http://127.0.0.1:5000"
    base_url: str = "http://127.0.0.1:8000"
    api_key: str = field(default="", repr=False)
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    secret_key: str = field(default="", repr=False)
    stores: tuple[Store, ...] = ()
    tills: tuple[Till, ...] = ()
    currency: str = "CNY"
    timezone: str = "Asia/Shanghai"
    max_streams: int = 24
    offline_tills: str = ""
    plans_max_age_seconds: int = 30

    @property
    def mode(self) -> str:
        """ "live" or "test", told by the key; a webhook of the other world is not ours."""
        return "live" if self.api_key.startswith("sk_live_") else "test"


def from_env(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; raises SettingsError naming the variable and what it should hold.

    DEMO_OFFLINE_TILLS: a folder with one folder a till (its key, its grant and its journal), for sales without network.
    FENQI_API_KEY, FENQI_BASE_URL, FENQI_WEBHOOK_SECRET (several, comma-separated, while rotating), DEMO_DATABASE,
    DEMO_PUBLIC_URL, DEMO_SECRET_KEY, DEMO_STORES and DEMO_TILLS (JSON lists of {id, name} and {id, name, store_id}).
    """
    env = Env()
    read = env.str if environment is None else lambda name, default="": environment.get(name, default)
    try:
        api_key = read("FENQI_API_KEY", "")
        if not api_key.startswith(("sk_test_", "sk_live_")):
            raise SettingsError(
                "FENQI_API_KEY must hold the shop's key, sk_test_… or sk_live_….", field="FENQI_API_KEY"
            )
        stores = tuple(Store(row["id"], row["name"]) for row in _rows(read, "DEMO_STORES", ("id", "name")))
        tills = tuple(
            Till(row["id"], row["name"], row["store_id"])
            for row in _rows(read, "DEMO_TILLS", ("id", "name", "store_id"))
        )
        _check_tills(stores, tills)
        return Settings(
            database=read("DEMO_DATABASE", "") or "demo-store.db",
            public_url=_url(read("DEMO_PUBLIC_URL", "") or "http://127.0.0.1:5000", "DEMO_PUBLIC_URL"),
            base_url=_url(read("FENQI_BASE_URL", "") or "http://127.0.0.1:8000", "FENQI_BASE_URL"),
            api_key=api_key,
            webhook_secrets=tuple(
                part.strip() for part in read("FENQI_WEBHOOK_SECRET", "").split(",") if part.strip()
            ),
            secret_key=read("DEMO_SECRET_KEY", ""),
            stores=stores,
            tills=tills,
            offline_tills=read("DEMO_OFFLINE_TILLS", ""),
        )
    except EnvError as error:
        raise SettingsError(str(error)) from error


def _url(text: str, name: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise SettingsError(
            f"{name} must be a full address such as http://127.0.0.1:5000, not {text!r}.", field=name
        )
    return text.rstrip("/")


def _rows(read: Any, name: str, keys: tuple[str, ...]) -> list[dict[str, str]]:
    text = read(name, "") or "[]"
    wanted = f"{name} must be a JSON list of objects with {', '.join(keys)}, all strings."
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError(wanted, field=name) from error
    if not isinstance(rows, list):
        raise SettingsError(wanted, field=name)
    for row in rows:
        if not isinstance(row, dict) or not all(isinstance(row.get(key), str) and row[key] for key in keys):
            raise SettingsError(wanted, field=name)
    return rows


def _check_tills(stores: tuple[Store, ...], tills: tuple[Till, ...]) -> None:
    known = {store.id for store in stores}
    for till in tills:
        if till.store_id not in known:
            raise SettingsError(
                f"DEMO_TILLS: {till.id} belongs to {till.store_id}, which DEMO_STORES does not list.",
                field="DEMO_TILLS",
            )
