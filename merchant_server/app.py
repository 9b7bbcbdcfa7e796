"""The only place that wires: settings to storage and providers, providers to services, services to HTTP."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from fenqi._version import __version__
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from merchant_server.keys import InstallationKeys
from merchant_server.providers.agreement import AuditHeadKey, Authority, PadesSigner, TypstRenderer
from merchant_server.providers.bank import HttpBank
from merchant_server.providers.breaker import CircuitBreaker, GuardedBureau, GuardedIdentity
from merchant_server.providers.bureau import HttpBureauProvider
from merchant_server.providers.credit_policy import ZenCreditPolicy, ZenWorkshop
from merchant_server.providers.identity import HttpIdentityProvider
from merchant_server.providers.sandbox import key_ring
from merchant_server.providers.sandbox.settings import GATEWAY_ACCOUNT
from merchant_server.providers.sandbox_window import HttpSandboxWindow
from merchant_server.providers.sms import HttpSmsSender
from merchant_server.providers.system import SystemClock, SystemIds
from merchant_server.providers.webhook_sender import HttpWebhookSender
from merchant_server.services.deps import Deps
from merchant_server.settings import Settings
from merchant_server.storage.engine import Engine, open_engine
from merchant_server.storage.key_ring import KeyRing
from merchant_server.storage.migrations import check_schema
from merchant_server.storage.rotation import Rotation
from merchant_server.storage.unit_of_work import SqlStorage
from merchant_server.web import api, callbacks, problems
from merchant_server.web.bodies import BODY_BYTES_MAX
from merchant_server.web.consumer import consumer_pages
from merchant_server.web.context import EXTENSION
from merchant_server.web.health import health_routes, name_request
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
        """Raise SchemaMismatch unless the database has exactly this code's migrations."""
        check_schema(self.engine)


def install(settings: Settings) -> Installation:
    """Open keys, database and providers as the settings say."""
    keys = InstallationKeys.open(settings.state_path)
    engine = open_engine(settings.database_url)
    ids = SystemIds()
    ring = KeyRing.open(settings.state_path / "wrapping-keys.json", keys.index, {LEGACY_KEY_ID: keys.sealing})
    authority = Authority.open(settings.state_path / "authority")
    url, key = settings.sandbox_url, keys.sandbox_api
    deps = Deps(
        storage=SqlStorage(engine, ring, ids.new),
        clock=SystemClock(),
        ids=ids,
        identity=GuardedIdentity(HttpIdentityProvider(base_url=url, api_key=key), CircuitBreaker("identity")),
        bureau=GuardedBureau(HttpBureauProvider(base_url=url, api_key=key), CircuitBreaker("bureau")),
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
        signer=PadesSigner(authority),
        heads=AuditHeadKey.open(settings.state_path / "authority", authority),
        sender=HttpWebhookSender(version=__version__, allow_private=True),
        code_key=keys.codes,
        public_url=settings.public_url.rstrip("/"),
        lender_name=settings.lender_name,
        rate_cap=settings.legal_rate_cap,
        codes_per_hour=int(settings.codes_per_hour),
        retention_years=int(settings.retention_years),
        grace_days=int(settings.grace_days),
    )
    return Installation(settings, keys, engine, deps, Rotation(engine, ring, ids.new))


def create_app(installation: Installation) -> Flask:
    """Return the WSGI application of an installation."""
    secure = installation.settings.secure
    app = build_app(installation.deps, secret_key=installation.keys.web, secure=secure)
    if proxies := int(installation.settings.trusted_proxies):
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    app.register_blueprint(health_routes(installation.deps, installation.require_schema))
    if installation.settings.portal_token:
        app.register_blueprint(review_pages(installation.deps, installation.settings.portal_token))
    if installation.settings.desk == "on":
        app.register_blueprint(desk_pages(installation.deps, installation.sandbox_window()))
    return app


def build_app(deps: Deps, *, secret_key: bytes, secure: bool) -> Flask:
    """Return an application over any Deps: the API, callbacks and pages."""
    app = Flask("merchant_server.web", static_folder=None, template_folder=None)
    app.config.update(SECRET_KEY=secret_key, MAX_CONTENT_LENGTH=BODY_BYTES_MAX)
    app.extensions[EXTENSION] = deps
    app.url_map.converters["default"] = PathWord
    problems.register(app)
    set_up_pages(app, secure=secure, exempt=(*api.BLUEPRINTS, callbacks.blp))
    api.register(app)
    app.register_blueprint(callbacks.blp)
    app.register_blueprint(consumer_pages(deps, secure=secure))
    app.register_blueprint(my_pages(deps, secure=secure))
    app.after_request(name_request)
    return app
