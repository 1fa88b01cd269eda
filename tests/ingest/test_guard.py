"""Where fetches may go."""

import pytest

from ingest.decisions import Failure
from ingest.fetching.fetch import Fetcher
from ingest.fetching.guard import FetchError, check_url, is_public
from tests.ingest.servers import RawServer, reply

PRIVATE = [
    "127.0.0.1",
    "127.8.9.1",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.127.255.254",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:100.64.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "2001:0:4136:e378::1",
    "2001:db8::1",
    "nonsense",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_and_what_hides_them_are_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are_open(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/", "javascript:alert(1)",
        "//a.example/",
        "http://", "https:///path", "http://user@example.org/", "http://user:pass@example.org/",
        "http://example.org:22/",
        "http://example.org:8080/", "http://example.org:99999/", "http://exa mple.org/",
        "http://example.org\\@evil/", "http://example.org/\r\nHost: x", "http://[::1", "data:text/html,x",
        "http://example.org/" + "a" * 2000,
    ],
)  # fmt: skip
def test_addresses_nobody_should_open_are_refused(url: str) -> None:
    with pytest.raises(FetchError) as refused:
        check_url(url)
    assert refused.value.code == Failure.BAD_URL


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f.1", "2130706433", "0177.0.0.1", "0.0.0.0"])
async def test_loopback_is_refused_however_it_is_spelled(host: str) -> None:
    async with Fetcher(allowed=frozenset()) as fetcher:
        with pytest.raises(FetchError) as refused:
            await fetcher.page(f"http://{host}/")
    assert refused.value.code in {Failure.BLOCKED_ADDRESS, Failure.DNS, Failure.BAD_URL}


async def test_a_redirect_into_the_private_network_is_refused() -> None:
    async with RawServer({}) as secret, RawServer({}) as server:
        secret.answers["/"] = reply(b"the crown jewels")
        server.answers["/"] = reply(status="302 Found", Location="http://127.0.0.1/")
        server.answers["/port"] = reply(status="302 Found", Location=secret.url())
        async with Fetcher(allowed=frozenset({server.host})) as fetcher:
            with pytest.raises(FetchError) as refused:
                await fetcher.page(server.url())
            assert refused.value.code == Failure.BLOCKED_ADDRESS
            with pytest.raises(FetchError) as refused:
                await fetcher.page(server.url("/port"))
            assert refused.value.code == Failure.BAD_URL
        assert secret.requests == []


async def test_the_exception_is_for_one_port_alone() -> None:
    async with (
        RawServer({"/": reply(b"one")}) as one,
        RawServer({"/": reply(b"two")}) as two,
        Fetcher(allowed=frozenset({one.host})) as fetcher,
    ):
        assert (await fetcher.page(one.url())).body == b"one"
        with pytest.raises(FetchError):
            await fetcher.page(two.url())


async def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with RawServer({"/": reply(b"direct")}) as server, RawServer({}) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url())
        monkeypatch.setenv("ALL_PROXY", proxy.url())
        async with Fetcher(allowed=frozenset({server.host})) as fetcher:
            assert (await fetcher.page(server.url())).body == b"direct"
        assert proxy.requests == []
