"""Starts the whole demonstration: server, worker, sandbox and shop as processes of their own, and stops them together.

It only runs commands and speaks HTTP, as an operator would; what it made is kept in one folder and found again.
"""

import argparse
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from fenqi import FenqiError, qr

from demo_store.processes import Process, StartFailed, free_or_explain, run_command
from demo_store.seeding import enroll_tills, seed

PORTS = {"store": 8000, "server": 8010, "sandbox": 8011}
READY_SECONDS = 60
FOLDER = Path("var/demo")
# Somebody whom the sandbox knows and every policy says yes to: docs/reference/magic-values.md.
PERSON = "110101199003077651"


def main(arguments: list[str]) -> int:
    """Start everything and stay until Ctrl-C; return the exit code."""
    options = _options(arguments)
    processes: list[Process] = []
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _start(options, processes)
        _watch(processes)
    except KeyboardInterrupt:
        print("\nStopping …")
        return 0
    except (StartFailed, FenqiError, OSError) as failure:
        print(f"fenqi-demo: {failure}", file=sys.stderr)
        return 1
    finally:
        for process in reversed(processes):
            process.stop()
    return 0


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fenqi-demo up", description=__doc__)
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 lets a real phone in"
    )
    parser.add_argument(
        "--base-url", help="what phones open instead of http://<host>:8010, behind a proxy say"
    )
    parser.add_argument("--store-url", help="what browsers open instead of http://<host>:8000")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the demo's data is kept")
    for name, port in PORTS.items():
        parser.add_argument(f"--{name}-port", type=int, default=port)
    return parser.parse_args(arguments)


def _start(options: argparse.Namespace, processes: list[Process]) -> None:
    for name in PORTS:
        free_or_explain(options.host, getattr(options, f"{name}_port"), f"--{name}-port")
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    shown = _shown_host(options.host)
    store_url = options.store_url or f"http://{shown}:{options.store_port}"
    base_url = options.base_url or f"http://{shown}:{options.server_port}"
    near = "127.0.0.1" if options.host == "0.0.0.0" else options.host  # noqa: S104
    environment = _environment(options, folder, base_url, near)
    run_command(["fenqi-server", "migrate"], environment)
    for name in ("sandbox", "server", "worker"):
        command = ["fenqi-server", "run" if name == "server" else name]
        processes.append(Process(name, command, environment, folder / "logs"))
    server_url = f"http://{near}:{options.server_port}"
    _await(server_url + "/readyz", processes)
    shop = seed(
        folder / "shop.json", environment, server_url, f"http://{near}:{options.store_port}/webhooks/fenqi"
    )
    enroll_tills(folder / "tills", shop, environment, base_url)
    more = {
        **environment,
        "FENQI_API_KEY": shop.api_key,
        "FENQI_WEBHOOK_SECRET": shop.webhook_secret,
        "FENQI_BASE_URL": server_url,
        "DEMO_DATABASE": str(folder / "store.sqlite"),
        "DEMO_PUBLIC_URL": store_url,
        "DEMO_SECRET_KEY": shop.secret_key,
        "DEMO_STORES": json.dumps([{"id": s["id"], "name": s["name"]} for s in shop.stores]),
        "DEMO_OFFLINE_TILLS": str(folder / "tills"),
        "DEMO_TILLS": json.dumps([{**s["till"], "store_id": s["id"]} for s in shop.stores]),
    }
    command = ["fenqi-demo", "run", "--host", options.host, "--port", str(options.store_port)]
    processes.append(Process("store", command, more, folder / "logs"))
    _await(f"http://{near}:{options.store_port}/", processes)
    _welcome(store_url, base_url, folder)


def _environment(options: argparse.Namespace, folder: Path, base_url: str, near: str) -> dict[str, str]:
    return {
        **os.environ,
        "FENQI_DATABASE_URL": os.environ.get("FENQI_DATABASE_URL", f"sqlite:///{folder / 'fenqi.sqlite'}"),
        "FENQI_STATE_FOLDER": str(folder / "state"),
        "FENQI_PUBLIC_URL": base_url,
        # Whoever tries the demo at night sees deductions too.
        "FENQI_COLLECTION_HOURS": "00:00-24:00",
        "FENQI_HOST": options.host,
        "FENQI_PORT": str(options.server_port),
        "FENQI_SANDBOX_URL": f"http://{near}:{options.sandbox_port}",
        "FENQI_SANDBOX_PORT": str(options.sandbox_port),
        # The bank's page, where a phone pays by a link, is the sandbox's.
        "FENQI_SANDBOX_HOST": options.host,
        "FENQI_SANDBOX_PUBLIC_URL": f"http://{_shown_host(options.host)}:{options.sandbox_port}",
        "FENQI_SANDBOX_DATABASE": str(folder / "sandbox.sqlite"),
        "FENQI_CALLBACK_URL": f"http://{near}:{options.server_port}",
        "PYTHONUNBUFFERED": "1",
    }


def _shown_host(host: str) -> str:
    """Return an address that another device can reach; when all are listened on, that of the way outside."""
    if host != "0.0.0.0":  # noqa: S104
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent: connecting a datagram socket only picks the interface (RFC 5737 address).
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _await(url: str, processes: list[Process]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        for process in processes:
            process.require_running()
        if Process.answers(url):
            return
        time.sleep(0.1)
    raise StartFailed(f"{url} did not answer within {READY_SECONDS} seconds; look at the logs folder")


def _watch(processes: list[Process]) -> None:
    while True:
        for process in processes:
            process.require_running()
        time.sleep(0.5)


def _welcome(store_url: str, base_url: str, folder: Path) -> None:
    print(qr.terminal(store_url))
    print("  Scan the code with a phone on the same network, or open:\n")
    for name, url in (
        ("the shop", store_url),
        ("the till", f"{store_url}/till"),
        ("the desk (texts, bank, clock, books)", f"{base_url}/desk"),
        ("what a customer owes and can do", f"{base_url}/my"),
        ("the API and its reference", f"{base_url}/docs"),
    ):
        print(f"  {name:<38} {url}")
    print(f"\n  Buy as 王小明, id number {PERSON}, phone 138 0013 8000; the codes are on the desk.")
    print(f"  From a terminal: fenqi login --demo {_short(folder)} --base-url {base_url}")
    reset = "make demo-reset" if _short(folder) == str(FOLDER) else "deleting it"
    print(
        f"  Data and logs are kept in {_short(folder)}; {reset} forgets them. Ctrl-C stops everything.",
        flush=True,
    )


def _short(folder: Path) -> str:
    try:
        return str(folder.relative_to(Path.cwd()))
    except ValueError:
        return str(folder)
