"""Settings of an installation, all from the environment (`FENQI_*`), each with its help; refuses to start half-set."""

from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path
from urllib.parse import urlsplit

from environs import Env, EnvError

from merchant_server.domain.collection_hours import CollectionHours

RANGES = {
    "grace_days": (0, 90),
    "return_after_days": (0, 3_650),
    "notice_days": (0, 28),
    "codes_per_hour": (1, 10**9),
    "retention_years": (0, 100),
    "trusted_proxies": (0, 9),
    "rate_per_second": (0, 10**6),
    "refused_keys_per_minute": (0, 10**6),
    "deliveries_kept_days": (1, 36_500),
    "processes": (1, 64),
    "threads": (4, 1024),
}
TOKEN_LENGTH_MIN = 24

WORDS = {
    "desk": ("on", "off"),
    "log_format": ("auto", "json", "text"),
    "signature_level": ("B-LT", "B-T"),
    "timestamp_when_down": ("refuse", "later"),
}


class SettingsError(Exception):
    """A setting is missing or wrong; the message names it and says what to do."""


def _setting(default: str, help_text: str) -> str:
    return field(default=default, metadata={"help": help_text})


@dataclass(frozen=True, slots=True)
class Settings:
    """One installation. Texts as in the environment; properties give them their types."""

    database_url: str = _setting(
        "sqlite:///var/fenqi.sqlite", "sqlite:///path or postgresql://user@host/name"
    )
    state_folder: str = _setting("var/state", "folder for keys and certificates, mode 0700; back it up apart")
    public_url: str = _setting("http://127.0.0.1:8010", "what phones open; links and QR codes begin with it")
    host: str = _setting("127.0.0.1", "address that `fenqi-server run` listens on")
    port: str = _setting("8010", "port that `fenqi-server run` listens on")
    sandbox_url: str = _setting(
        "http://127.0.0.1:8011", "where the sandbox of bank, identity, bureau and SMS answers"
    )
    sandbox_host: str = _setting("127.0.0.1", "address that `fenqi-server sandbox` listens on")
    sandbox_port: str = _setting("8011", "port that `fenqi-server sandbox` listens on")
    sandbox_public_url: str = _setting(
        "", "where phones open the sandbox bank's page; empty means the sandbox's own address"
    )
    sandbox_database: str = _setting("var/sandbox.sqlite", "file of the sandbox program")
    callback_url: str = _setting("", "where the bank calls back; empty means the public URL")
    lender_name: str = _setting("分期示范资金方 Fenqi Demo Lender", "the lender named in agreements")
    rate_cap: str = _setting("0.24", "highest yearly all-in cost that may be offered, as a decimal")
    codes_per_hour: str = _setting(
        "3000", "text messages with codes that all visitors together get in an hour"
    )
    retention_years: str = _setting("10", "years that a loan's records are kept after its end (反洗钱法 §34)")
    grace_days: str = _setting("3", "days after a due date that cost no penalty")
    return_after_days: str = _setting(
        "14", "days after which money that pays nothing goes back to its consumer by itself; 0 is never"
    )
    collection_hours: str = _setting(
        "07:00-22:00", "hours of the merchant's day in which deductions are sent; 00:00-24:00 is always"
    )
    notice_days: str = _setting(
        "3", "days before a deduction on which the consumer is told by text message; 0 tells nobody"
    )
    trusted_proxies: str = _setting(
        "0", "proxies in front whose X-Forwarded-For is believed; 0 when there is none"
    )
    signature_level: str = _setting(
        "B-LT", "B-LT keeps the list of revoked certificates inside each signature; B-T leaves it out"
    )
    timestamp_url: str = _setting(
        "", "an RFC 3161 timestamp authority; empty means the built-in one, for tests"
    )
    timestamp_root: str = _setting(
        "", "PEM file of that authority's root certificates; what it signs is checked against them"
    )
    timestamp_when_down: str = _setting(
        "refuse",
        "refuse signs nothing without a timestamp; later signs, and stamps when the authority is back",
    )
    desk: str = _setting("on", "on shows the sandbox desk at /desk; it exists in sandbox installations only")
    portal_token: str = _setting(
        "", "secret that lets staff review and answer complaints at /portal; empty means no such pages"
    )
    rate_per_second: str = _setting(
        "100",
        "requests that a key may make in a second, per server process; bursts of twice that; 0 is no limit",
    )
    refused_keys_per_minute: str = _setting(
        "30", "wrong keys that one address may show in a minute, per server process; 0 is no limit"
    )
    webhook_private: str = _setting(
        "", "on lets webhooks go to http and private addresses; empty means while the public URL is http"
    )
    processes: str = _setting("2", "processes of the web server; each holds about 130 MB")
    threads: str = _setting("64", "threads of each of them; each live page holds one")
    deliveries_kept_days: str = _setting("30", "days that a delivery which arrived can be looked up")
    log_format: str = _setting("auto", "json, text, or auto: text in a terminal and json elsewhere")
    metrics_token: str = _setting(
        "", "secret that lets Prometheus read /metrics as a bearer token; empty means no such page"
    )
    trace_url: str = _setting(
        "", "where traces go by OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces; needs fenqi[otel]"
    )

    @classmethod
    def from_env(cls) -> "Settings":
        """Read FENQI_* from the environment. Raises SettingsError naming the variable."""
        env = Env(prefix="FENQI_")
        try:
            values = {each.name: str(env.str(each.name.upper(), str(each.default))) for each in fields(cls)}
        except EnvError as wrong:
            raise SettingsError(str(wrong)) from wrong
        settings = cls(**values)
        settings.check()
        return settings

    def check(self) -> None:
        """Raise SettingsError for the first value that cannot be used."""
        for name in (
            "public_url",
            "sandbox_url",
            "sandbox_public_url",
            "callback_url",
            "timestamp_url",
            "trace_url",
        ):
            address = getattr(self, name)
            if address and (
                urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname
            ):
                raise SettingsError(f"FENQI_{name.upper()}={address!r}: use http(s)://host[:port]")
        for name in ("port", "sandbox_port"):
            if not getattr(self, name).isdecimal() or not 0 < int(getattr(self, name)) < 65_536:
                raise SettingsError(
                    f"FENQI_{name.upper()}={getattr(self, name)!r}: use a port from 1 to 65535"
                )
        for name, (least, most) in RANGES.items():
            text = getattr(self, name)
            if not text.isdecimal() or not least <= int(text) <= most:
                raise SettingsError(f"FENQI_{name.upper()}={text!r}: use a number from {least} to {most}")
        for name in ("portal_token", "metrics_token"):
            if 0 < len(getattr(self, name)) < TOKEN_LENGTH_MIN:
                raise SettingsError(
                    f"FENQI_{name.upper()} is too short: use at least {TOKEN_LENGTH_MIN} random characters"
                )
        if self.webhook_private not in ("", "on", "off"):
            raise SettingsError(f"FENQI_WEBHOOK_PRIVATE={self.webhook_private!r}: use on, off or nothing")
        for name, words in WORDS.items():
            if getattr(self, name) not in words:
                raise SettingsError(f"FENQI_{name.upper()}={getattr(self, name)!r}: use {' or '.join(words)}")
        self._check_hours()
        if bool(self.timestamp_url) != bool(self.timestamp_root):
            raise SettingsError(
                "FENQI_TIMESTAMP_URL and FENQI_TIMESTAMP_ROOT go together: set both or neither"
            )
        if not Decimal(0) < self.legal_rate_cap <= Decimal(1):
            raise SettingsError(f"FENQI_RATE_CAP={self.rate_cap!r}: use a decimal above 0 and at most 1")

    def _check_hours(self) -> None:
        try:
            CollectionHours.parse(self.collection_hours)
        except ValueError as wrong:
            raise SettingsError(f"FENQI_COLLECTION_HOURS={self.collection_hours!r}: {wrong}") from wrong

    @property
    def legal_rate_cap(self) -> Decimal:
        """The cap as a decimal."""
        try:
            return Decimal(self.rate_cap)
        except InvalidOperation:
            raise SettingsError(f"FENQI_RATE_CAP={self.rate_cap!r}: use a decimal such as 0.24") from None

    @property
    def state_path(self) -> Path:
        """The folder of keys."""
        return Path(self.state_folder)

    @property
    def private_webhooks(self) -> bool:
        """Say whether webhooks may go to http and private addresses, as on a machine of one's own."""
        return self.webhook_private == "on" or (not self.webhook_private and not self.secure)

    @property
    def secure(self) -> bool:
        """Say whether phones come over https, so that cookies are marked for it."""
        return self.public_url.startswith("https://")
