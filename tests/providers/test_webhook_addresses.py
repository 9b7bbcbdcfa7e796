"""A webhook goes to public addresses only, however the URL is spelled and whatever the name server says."""

import json
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from merchant_server.providers.addresses import AddressRefused, may_connect, parse_target
from tests.fakes.receiver import RawReceiver, Receiver
from tests.providers.webhooks import send, sender

STANDARDS = Path(__file__).parents[2].parent / "shared" / "vectors" / "standards"
# stripe/smokescreen TestClassifyAddr (MIT) and our own additions.
DENIED = [
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "100.64.0.100",
    "100.127.255.254",
    "127.0.0.1",
    "127.255.255.255",
    "::1",
    "169.254.169.254",
    "255.255.255.255",
    "ff02:0:0:0:0:0:0:2",
    "64:ff9b::ac1c:5",
    "64:ff9b::c000:201",
    "64:ff9b::a00:1",
    "64:ff9b::808:808",
    "64:ff9b::ffff:ffff",
    "2002:c000:201::1",
    "2002:a00:1::1",
    "2002:808:808::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:0:1234:5678:9abc:def0:1234:5678",
    "0.0.0.0",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "169.254.170.2",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "100.100.100.200",
    "not-an-address",
]
ALLOWED = [
    "8.8.8.8",
    "100.63.255.254",
    "100.128.0.1",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "64:ff9c::1",
]
SANDBOX_ONLY = ["10.0.0.1", "172.16.0.1", "192.168.0.1", "127.0.0.1", "127.255.255.255", "::1", "fc00::1"]
URL_FORMS = [
    "http://127.0.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://localhost./",
    "http://user@127.0.0.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/",
    "ftp://127.0.0.1/",
]


def _hang(connection: socket.socket) -> None:
    connection.settimeout(10)
    while connection.recv(4096):
        pass


class TestAddresses:
    """A webhook goes to public addresses only, however the URL is spelled."""

    @pytest.mark.parametrize("address", DENIED)
    def test_an_inner_address_is_refused(self, address: str) -> None:
        assert not may_connect(address, allow_private=False)

    @pytest.mark.parametrize("address", ALLOWED)
    def test_a_public_address_is_allowed(self, address: str) -> None:
        assert may_connect(address, allow_private=False)

    @pytest.mark.parametrize("address", DENIED + ALLOWED)
    def test_a_sandbox_adds_loopback_and_private_ranges_only(self, address: str) -> None:
        assert may_connect(address, allow_private=True) == (address in SANDBOX_ONLY + ALLOWED)

    def test_every_row_of_the_published_table_agrees(self) -> None:
        if not STANDARDS.exists():
            pytest.skip("the reference vectors are not beside this checkout")
        table = json.loads((STANDARDS / "ssrf_addresses.json").read_text("utf-8"))
        denied = [row[0] for row in table["deny"]] + table["derived_deny"]["addresses"]
        assert [address for address in denied if may_connect(address, allow_private=False)] == []
        assert [row[0] for row in table["allow"] if not may_connect(row[0], allow_private=False)] == []
        assert table["derived_url_forms_deny"] == URL_FORMS

    @pytest.mark.parametrize("url", URL_FORMS + [url.replace("http:", "https:") for url in URL_FORMS])
    def test_no_spelling_of_an_inner_url_connects(self, url: str) -> None:
        sent = send(sender(allow_private=False), url)
        assert sent.status == 0
        assert sent.reason in ("url_refused", "address_refused", "dns_failed")

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "https://",
            "https:///path",
            "//shop.example/",
            "https://shop.example:0/",
            "https://shop.example:99999/",
            "https://shop.example:x/",
            "https://user:pass@shop.example/",
            "https://shop.example/\r\nx: y",
            "https://shop example/",
            "https://shop.example\\@evil.example/",
            "https://[::1/",
            "https://[fe80::1%25eth0]/",
            "https://" + "a" * 70 + ".example/",
            "https://shop.example/" + "a" * 3000,
            "javascript:alert(1)",
        ],
    )
    def test_a_url_that_is_no_plain_https_url_is_refused(self, url: str) -> None:
        with pytest.raises(AddressRefused) as refusal:
            parse_target(url, allow_private=False)
        assert refusal.value.code == "url_refused"
        assert send(sender(allow_private=False), url).reason == "url_refused"

    def test_one_inner_answer_among_public_ones_refuses_them_all(self) -> None:
        to = sender(allow_private=False, resolve=lambda *_: ["8.8.8.8", "127.0.0.1"])
        assert send(to, "https://shop.example/").reason == "address_refused"

    def test_a_name_that_changes_its_address_is_asked_once_and_judged_by_what_is_used(self) -> None:
        """DNS rebinding: public at the first question, loopback at the second; there is no second question."""
        with Receiver((200, b"", {})) as receiver:
            answers = [["127.0.0.1"], ["169.254.169.254"]]
            to = sender(resolve=lambda *_: answers.pop(0), resolved_seconds=0.05)
            assert send(to, f"http://shop.example:{receiver.port}/").status == 200
            assert len(answers) == 1
            time.sleep(0.06)
            # When what was learned is forgotten, the next delivery asks anew, is judged anew, and does not use the
            # connection that is still open to the address of before.
            assert send(to, f"http://shop.example:{receiver.port}/").reason == "address_refused"

    def test_an_answer_is_remembered_for_a_moment_and_only_judged_ones_are(self) -> None:
        with Receiver((200, b"", {})) as receiver:
            answers = [["169.254.169.254"], ["127.0.0.1"], ["169.254.169.254"]]
            to = sender(resolve=lambda *_: answers.pop(0))
            url = f"http://shop.example:{receiver.port}/"
            assert [send(to, url).status for _ in range(4)] == [0, 200, 200, 200]
            assert len(answers) == 1

    def test_a_name_server_that_keeps_silent_ends_in_time(self) -> None:
        with RawReceiver(_hang) as silent:

            def resolve(host: str, port: int) -> Sequence[str]:
                with socket.create_connection(("127.0.0.1", silent.port)) as connection:
                    connection.settimeout(5)
                    connection.recv(1)
                return []

            sent = send(sender(resolve=resolve, connect_timeout_seconds=0.3), "https://shop.example/")
            assert sent.reason == "dns_timeout" and sent.seconds < 2

    def test_a_name_without_an_address_is_a_failure(self) -> None:
        def resolve(host: str, port: int) -> Sequence[str]:
            raise socket.gaierror("no such name")

        assert send(sender(resolve=resolve), "https://shop.example/").reason == "dns_failed"
