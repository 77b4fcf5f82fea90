"""Messages go to addresses of the internet alone, unless a setting names the host."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from threading import Event
from urllib.parse import urlsplit

import pytest

from registry.errors import RefusedError, UnavailableError
from registry.outgoing.addresses import Place, is_public, places_of, within
from registry.outgoing.connecting import connect
from registry.outgoing.deadlines import Deadline

INNER = (
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1"),
    *("169.254.169.254", "169.254.170.2", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::127.0.0.1", "::ffff:0:127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2002:808:808::1"),
    *("2001:0:7f00:1::", "2001::1"),
)
OUTER = ("8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")


@pytest.mark.parametrize("address", INNER)
def test_an_address_of_the_own_machine_or_network_or_of_metadata_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTER)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "::1", "0", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "::ffff:7f00:1"]
)
def test_no_way_to_write_the_own_machine_leads_there(host: str) -> None:
    with pytest.raises((RefusedError, UnavailableError)):
        places_of(host, 80, seconds=5)


def test_a_host_that_the_setting_names_may_have_an_inner_address() -> None:
    (one,) = places_of("127.0.0.1", 80, allowed=("127.0.0.1",), seconds=5)
    assert one.address[:2] == ("127.0.0.1", 80)
    with pytest.raises(RefusedError, match="FOREBEAR_WEBHOOK_HOSTS"):
        places_of("127.0.0.1", 80, allowed=("localhost", "127.0.0"), seconds=5)


def test_one_inner_address_among_others_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    with pytest.raises(RefusedError, match=r"10\.0\.0\.1"):
        places_of("two.example.org", 80, seconds=5)


def test_a_look_up_that_takes_too_long_is_given_up() -> None:
    never = Event()
    with pytest.raises(UnavailableError, match="not found in time"):
        within(0.01, never.wait, "It was not found in time")
    never.set()


def test_a_name_that_means_another_address_a_moment_later_leads_to_the_one_that_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: the first answer is of the internet, each later one the own machine."""
    answers, reached = iter(["8.8.8.8", *["127.0.0.1"] * 9]), list[object]()

    class Noting(Deadline):
        def connect(self, places: Sequence[Place]) -> socket.socket:
            reached.extend(place.address for place in places)
            raise OSError("not now")

    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), 80))]
    )
    with Noting(5) as deadline, pytest.raises(OSError, match="not now"):
        connect(urlsplit("http://rebinding.example.org/"), deadline, allowed=())
    assert reached == [("8.8.8.8", 80)]
    assert next(answers) == "127.0.0.1", "it was looked up once"
