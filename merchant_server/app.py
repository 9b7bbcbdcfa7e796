"""The only place that wires: settings to storage and providers, providers to services, services to HTTP."""

from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path

from flask import Flask, Response, g, jsonify

from fenqi._version import __version__
from merchant_server.domain.errors import Unavailable
from merchant_server.keys import InstallationKeys
from merchant_server.providers.agreement import Authority, PadesSigner, TypstRenderer
from merchant_server.providers.bank import HttpBank
from merchant_server.providers.bureau import HttpBureauProvider
from merchant_server.providers.credit_policy import ZenCreditPolicy
from merchant_server.providers.identity import HttpIdentityProvider
from merchant_server.providers.sandbox import key_ring
from merchant_server.providers.sandbox.settings import GATEWAY_ACCOUNT
from merchant_server.providers.sms import HttpSmsSender
from merchant_server.providers.system import SystemClock, SystemIds
from merchant_server.providers.webhook_sender import HttpWebhookSender
from merchant_server.services.deps import Deps
from merchant_server.settings import Settings
from merchant_server.storage.engine import Engine, open_engine
from merchant_server.storage.migrations import check_schema
from merchant_server.storage.sealed import Sealer
from merchant_server.storage.unit_of_work import SqlStorage
from merchant_server.web import api, callbacks, problems
from merchant_server.web.bodies import BODY_BYTES_MAX
from merchant_server.web.consumer import consumer_pages
from merchant_server.web.context import EXTENSION, request_id
from merchant_server.web.pages import set_up_pages

SEALING_KEY_ID = "k1"
POLICY_FILE = "cn-standard.json"


@dataclass(frozen=True, slots=True)
class Installation:
    """One wired installation."""

    settings: Settings
    keys: InstallationKeys
    engine: Engine
    deps: Deps

    @property
    def sandbox_key_file(self) -> Path:
        """Return where the sandbox bank's signing key lies."""
        return self.settings.state_path / "sandbox-bank.pem"

    def require_schema(self) -> None:
        """Raise SchemaMismatch unless the database has exactly this code's migrations."""
        check_schema(self.engine)


def install(settings: Settings) -> Installation:
    """Open keys, database and providers as the settings say."""
    keys = InstallationKeys.open(settings.state_path)
    engine = open_engine(settings.database_url)
    ids = SystemIds()
    sealer = Sealer({SEALING_KEY_ID: keys.sealing}, SEALING_KEY_ID, keys.index)
    authority = Authority.open(settings.state_path / "authority")
    at_sandbox = {"base_url": settings.sandbox_url, "api_key": keys.sandbox_api}
    deps = Deps(
        storage=SqlStorage(engine, sealer, ids.new),
        clock=SystemClock(),
        ids=ids,
        identity=HttpIdentityProvider(**at_sandbox),
        bureau=HttpBureauProvider(**at_sandbox),
        sms=HttpSmsSender(**at_sandbox),
        bank=HttpBank(
            **at_sandbox,
            gateway_account=GATEWAY_ACCOUNT,
            keys=key_ring(str(settings.state_path / "sandbox-bank.pem")),
        ),
        policy=ZenCreditPolicy(Path(str(files("merchant_server") / "policy" / POLICY_FILE))),
        renderer=TypstRenderer(),
        signer=PadesSigner(authority),
        sender=HttpWebhookSender(version=__version__, allow_private=True),
        code_key=keys.codes,
        public_url=settings.public_url.rstrip("/"),
        lender_name=settings.lender_name,
        rate_cap=settings.legal_rate_cap,
    )
    return Installation(settings, keys, engine, deps)


def create_app(installation: Installation) -> Flask:
    """Return the WSGI application of an installation."""
    app = Flask("merchant_server.web", static_folder="static", template_folder="templates")
    settings = installation.settings
    app.config.update(
        SECRET_KEY=installation.keys.web,
        MAX_CONTENT_LENGTH=BODY_BYTES_MAX,
        SESSION_COOKIE_NAME="__Host-fenqi" if settings.secure else "fenqi",
        SESSION_COOKIE_SECURE=settings.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions[EXTENSION] = installation.deps
    problems.register(app)
    api.register(app)
    app.register_blueprint(callbacks.blp)
    set_up_pages(app)
    app.register_blueprint(consumer_pages(installation.deps, secure=settings.secure))
    app.add_url_rule("/healthz", view_func=_healthz)
    app.add_url_rule("/readyz", view_func=partial(_readyz, installation), endpoint="readyz")
    app.after_request(_name_request)
    return app


def _healthz() -> Response:
    return jsonify({"status": "ok"})


def _readyz(installation: Installation) -> Response:
    with installation.deps.storage.reading() as uow:
        pending = uow.deliveries.pending()
    try:
        installation.require_schema()
    except Exception as wrong:
        raise Unavailable(f"the database is not ready: {wrong}", hint="run fenqi-server migrate") from wrong
    return jsonify({"status": "ready", "pending_deliveries": pending})


def _name_request(response: Response) -> Response:
    response.headers["Request-Id"] = request_id()
    g.pop("request_id", None)
    return response
