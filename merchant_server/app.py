"""The only place that wires: settings to storage and providers, providers to services, services to HTTP."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from fenqi._version import __version__
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from merchant_server.domain.collection_hours import CollectionHours
from merchant_server.keys import InstallationKeys
from merchant_server.providers.agreement import (
    AuditHeadKey,
    Authority,
    AuthorityUnusable,
    OutsideTimestamps,
    PadesSigner,
    TypstRenderer,
    check_roots,
)
from merchant_server.providers.bank import HttpBank
from merchant_server.providers.breaker import Breakers, CircuitBreaker, GuardedBureau, GuardedIdentity
from merchant_server.providers.bureau import HttpBureauProvider
from merchant_server.providers.credit_policy import ZenCreditPolicy, ZenWorkshop
from merchant_server.providers.identity import HttpIdentityProvider
from merchant_server.providers.sandbox.settings import GATEWAY_ACCOUNT, key_ring
from merchant_server.providers.sandbox_window import HttpSandboxWindow
from merchant_server.providers.sms import HttpSmsSender
from merchant_server.providers.system import SystemClock, SystemIds
from merchant_server.providers.webhook_sender import HttpWebhookSender
from merchant_server.services.deps import Deps
from merchant_server.settings import Settings, SettingsError
from merchant_server.storage.backups import restored_at
from merchant_server.storage.engine import Engine, StorageError
from merchant_server.storage.key_ring import KeyRing
from merchant_server.storage.migrations import check_schema
from merchant_server.storage.opening import open_engine
from merchant_server.storage.readiness import clock_apart_seconds, require_ready
from merchant_server.storage.rotation import Rotation
from merchant_server.storage.unit_of_work import SqlStorage
from merchant_server.web import api, callbacks, problems
from merchant_server.web.api.known_keys import KnownKeys
from merchant_server.web.application import Application
from merchant_server.web.bodies import BODY_BYTES_MAX
from merchant_server.web.consumer import consumer_pages
from merchant_server.web.consumer.counter import counter_pages
from merchant_server.web.consumer.paying import paying_pages
from merchant_server.web.context import EXTENSION, begin_request, end_request
from merchant_server.web.credit import credit_pages
from merchant_server.web.docs import docs_pages
from merchant_server.web.health import health_routes, name_request
from merchant_server.web.limits import Limits
from merchant_server.web.metrics import metrics_page, watch_requests
from merchant_server.web.my import my_pages
from merchant_server.web.pages import set_up_pages
from merchant_server.web.paths import PathWord
from merchant_server.web.portal import desk_pages
from merchant_server.web.portal.review import review_pages

# The one sealing key of before the ring; `fenqi-server keys reseal` moves everything off it.
LEGACY_KEY_ID = "k1"
POLICY_FILE = "cn-standard.json"


@dataclass(frozen=True, slots=True)
class Installation:
    """One wired installation."""

    settings: Settings
    keys: InstallationKeys
    engine: Engine
    deps: Deps
    rotation: Rotation

    @property
    def sandbox_key_file(self) -> Path:
        """Return where the sandbox bank's signing key lies."""
        return self.settings.state_path / "sandbox-bank.pem"

    def sandbox_window(self) -> HttpSandboxWindow:
        """Return the desk's view of the sandbox program."""
        return HttpSandboxWindow(base_url=self.settings.sandbox_url, api_key=self.keys.sandbox_api)

    def require_schema(self) -> None:
        """Raise SchemaMismatch unless this code can run on the database's schema."""
        check_schema(self.engine)

    def require_reconciled(self) -> None:
        """Raise StorageError while nobody has looked at a restored database: a worker would repeat what it forgot."""
        if at := restored_at(self.engine):
            raise StorageError(
                f"the database was restored on {at:%Y-%m-%d %H:%M} UTC: compare its deductions with the bank's"
                " statement, then run `fenqi-server restore --reconciled`"
            )

    def clock_apart_seconds(self) -> float:
        """Return how far this machine's clock is ahead of the database's."""
        return clock_apart_seconds(self.engine, self.deps.clock.now)

    def require_ready(self) -> None:
        """Raise unless the database can serve: its schema, whether it takes writes, and its clock."""
        require_ready(self.engine, self.deps.clock.now)


def install(settings: Settings) -> Installation:
    """Open keys, database and providers as the settings say."""
    keys = InstallationKeys.open(settings.state_path)
    engine = open_engine(settings.database_url)
    ids = SystemIds()
    ring = KeyRing.open(settings.state_path / "wrapping-keys.json", keys.index, {LEGACY_KEY_ID: keys.sealing})
    authority = Authority.open(settings.state_path / "authority")
    url, key = settings.sandbox_url, keys.sandbox_api
    identity_breaker, bureau_breaker = CircuitBreaker("identity"), CircuitBreaker("bureau")
    deps = Deps(
        storage=SqlStorage(engine, ring, ids.new),
        clock=SystemClock(),
        ids=ids,
        identity=GuardedIdentity(HttpIdentityProvider(base_url=url, api_key=key), identity_breaker),
        bureau=GuardedBureau(HttpBureauProvider(base_url=url, api_key=key), bureau_breaker),
        sms=HttpSmsSender(base_url=url, api_key=key),
        bank=HttpBank(
            base_url=url,
            api_key=key,
            gateway_account=GATEWAY_ACCOUNT,
            keys=key_ring(str(settings.state_path / "sandbox-bank.pem")),
        ),
        policy=ZenCreditPolicy(Path(str(files("merchant_server") / "policy" / POLICY_FILE))),
        workshop=ZenWorkshop(),
        renderer=TypstRenderer(),
        signer=_signer(settings, authority),
        heads=AuditHeadKey.open(settings.state_path / "authority", authority),
        sender=HttpWebhookSender(version=__version__, allow_private=settings.private_webhooks),
        code_key=keys.codes,
        public_url=settings.public_url.rstrip("/"),
        lender_name=settings.lender_name,
        rate_cap=settings.legal_rate_cap,
        codes_per_hour=int(settings.codes_per_hour),
        retention_years=int(settings.retention_years),
        grace_days=int(settings.grace_days),
        return_after_days=int(settings.return_after_days),
        collection_hours=CollectionHours.parse(settings.collection_hours),
        notice_days=int(settings.notice_days),
        timestamp_when_down=settings.timestamp_when_down,
        deliveries_kept_days=int(settings.deliveries_kept_days),
        sandbox=True,
        circuits=Breakers(identity_breaker, bureau_breaker),
    )
    return Installation(settings, keys, engine, deps, Rotation(engine, ring, ids.new))


def _signer(settings: Settings, authority: Authority) -> PadesSigner:
    if not settings.timestamp_url:
        return PadesSigner(authority, level=settings.signature_level)
    try:
        roots = Path(settings.timestamp_root).read_bytes()
        check_roots(roots)
    except (OSError, AuthorityUnusable) as problem:
        raise SettingsError(f"FENQI_TIMESTAMP_ROOT={settings.timestamp_root!r}: {problem}") from problem
    return PadesSigner(
        authority,
        timestamper=OutsideTimestamps(settings.timestamp_url),
        timestamp_root_pem=roots,
        level=settings.signature_level,
    )


def create_app(installation: Installation) -> Flask:
    """Return the WSGI application of an installation."""
    secure = installation.settings.secure
    limited = Limits(
        per_second=int(installation.settings.rate_per_second),
        refused_per_minute=int(installation.settings.refused_keys_per_minute),
    )
    app = build_app(
        installation.deps,
        secret_key=installation.keys.web,
        secure=secure,
        limited=limited,
        known=KnownKeys(),
    )
    if proxies := int(installation.settings.trusted_proxies):
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    app.register_blueprint(health_routes(installation.deps, installation.require_ready))
    if installation.settings.metrics_token:
        app.register_blueprint(metrics_page(installation.deps, installation.settings.metrics_token))
    if installation.settings.trace_url:
        from merchant_server.tracing import trace_requests, tracer_to

        trace_requests(app, tracer_to(installation.settings.trace_url))
    if installation.settings.portal_token:
        app.register_blueprint(review_pages(installation.deps, installation.settings.portal_token))
    if installation.settings.desk == "on":
        app.register_blueprint(desk_pages(installation.deps, installation.sandbox_window()))
    return app


def build_app(
    deps: Deps,
    *,
    secret_key: bytes,
    secure: bool,
    limited: Limits | None = None,
    known: KnownKeys | None = None,
) -> Flask:
    """Return an application over any Deps: the API, callbacks and pages.

    Without `limited` nobody is slowed down, and without `known` each request asks whose key it has.
    """
    app = Application("merchant_server.web", static_folder=None, template_folder=None)
    app.config.update(SECRET_KEY=secret_key, MAX_CONTENT_LENGTH=BODY_BYTES_MAX)
    app.extensions[EXTENSION] = deps
    app.url_map.converters["default"] = PathWord
    problems.register(app)
    set_up_pages(app, secure=secure, exempt=(*api.BLUEPRINTS, callbacks.blp))
    app.before_request(begin_request)
    app.teardown_request(end_request)
    api.register(app, limited or Limits(), known or KnownKeys(seconds=0))
    app.register_blueprint(callbacks.blp)
    app.register_blueprint(consumer_pages(deps, secure=secure))
    app.register_blueprint(counter_pages(deps))
    app.register_blueprint(paying_pages(deps))
    app.register_blueprint(my_pages(deps, secure=secure))
    app.register_blueprint(docs_pages())
    app.register_blueprint(credit_pages(deps, secure=secure))
    app.after_request(name_request)
    watch_requests(app)
    return app
