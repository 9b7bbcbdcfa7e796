"""`fenqi-server signing`: look at and rotate the keys behind signatures, timestamps and the audit log's heads."""

from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from merchant_server.app import Installation
from merchant_server.commands import installation, readable
from merchant_server.providers.agreement import Authority, AuthorityUnusable
from merchant_server.providers.agreement.rotation import rotate_heads, rotate_root, rotate_timestamps

RESTART = "restart server and worker: until then they use the keys that they opened"


@click.group()
def signing() -> None:
    """Look at and rotate the keys behind signatures; evidence made under the old ones still verifies."""


@signing.command()
@readable
def status() -> None:
    """List the roots that root.pem publishes, and the keys in use."""
    house = _ready()
    authority = Authority.open(_folder(house))
    for place, root in enumerate(authority.roots):
        click.echo(f"root        {_told(root)}  {'retired' if place else 'in use'}")
    outside = house.settings.timestamp_url
    click.echo(f"timestamps  {outside or _told(authority.timestamping.certificate)}")
    click.echo(
        f"audit log   {_told(x509.load_pem_x509_certificate(house.deps.heads.certificate_pem.encode()))}"
    )


@signing.command()
@click.argument("key", type=click.Choice(["ca", "timestamps", "heads"]))
@click.option(
    "--ca", "ca_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With `ca`: take this authority (PEM: its EC key and its certificate) instead of making one.",
)  # fmt: skip
@readable
def rotate(key: str, ca_file: Path | None) -> None:
    """Make a new key; the old one is gone, and what it signed still verifies against root.pem."""
    if ca_file is not None and key != "ca":
        raise click.UsageError("--ca goes with `rotate ca` only")
    house = _ready()
    folder = _folder(house)
    try:
        if key == "ca":
            told = rotate_root(folder, house.deps.clock.now(), ca_file).key_id
        elif key == "timestamps":
            told = _fingerprint(rotate_timestamps(folder).timestamping.certificate)
        else:
            pem = rotate_heads(folder).certificate_pem
            told = _fingerprint(x509.load_pem_x509_certificate(pem.encode()))
    except AuthorityUnusable as unusable:
        raise click.ClickException(str(unusable)) from unusable
    _record(house, key, told)
    click.echo(f"{told} is in use; {RESTART}")
    if key == "ca":
        click.echo(f"publish {folder / 'root.pem'} anew: it lists the new root and the retired ones")


def _ready() -> Installation:
    house = installation()
    house.require_schema()
    return house


def _folder(house: Installation) -> Path:
    return house.settings.state_path / "authority"


def _record(house: Installation, key: str, fingerprint: str) -> None:
    deps = house.deps
    with deps.storage.unit_of_work() as uow:
        uow.audit.add(
            deps.ids.new("aud"),
            at=deps.clock.now(),
            actor="operator",
            action="signing.rotated",
            subject="installation",
            detail={"key": key, "certificate_sha256": fingerprint},
        )


def _told(certificate: x509.Certificate) -> str:
    return f"{_fingerprint(certificate)}  until {certificate.not_valid_after_utc:%Y-%m-%d}"


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()
