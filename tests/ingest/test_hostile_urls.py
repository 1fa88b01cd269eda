"""Addresses that must lead nowhere: asked for, redirected to, and when the name server changes its mind."""

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpcore2
import pytest

from ingest.decisions import Failure
from ingest.fetching.fetch import Bounds, Fetcher
from ingest.fetching.guard import FetchError, is_public
from tests.ingest.hostile_urls import HARMLESS_URLS, HOSTILE_URLS, NAMES, HostileUrl
from tests.ingest.servers import RawServer, reply

REFUSALS = {Failure.BAD_URL, Failure.BLOCKED_ADDRESS, Failure.DNS}


class Network:
    """A name server of our own, and note of every address that is dialled. Only loopback's servers can be reached."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names = dict(NAMES)
        self.asked: Counter[str] = Counter()
        self.dialled: list[str] = []
        self.reachable = ""
        self._look_up, self._dial = socket.getaddrinfo, httpcore2.AnyIOBackend.connect_tcp
        monkeypatch.setattr(socket, "getaddrinfo", self.look_up)
        network = self

        async def dial(backend: Any, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
            if f"{host}:{port}" == network.reachable:
                return await network._dial(backend, host, port, *args, **kwargs)
            network.dialled.append(host)
            raise httpcore2.ConnectError("this is a test")

        monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", dial)

    def look_up(self, host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        name = host.rstrip(".").lower()
        self.asked[name] += 1
        if name in self.names:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self.names[name]]
        # Spellings of addresses are the system's to read, as they would be in earnest.
        return self._look_up(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    return Network(monkeypatch)


@contextmanager
def refused(network: Network, *codes: Failure) -> Iterator[None]:
    """Within, a fetch must be refused before anything is dialled."""
    with pytest.raises(FetchError) as refusal:
        yield
    assert refusal.value.code in (codes or REFUSALS)
    assert network.dialled == []


def named(rows: list[HostileUrl]) -> Any:
    return pytest.mark.parametrize("url", [pytest.param(row.url, id=row.rule) for row in rows])


def test_the_corpus_is_as_large_as_we_say() -> None:
    assert len({row.url for row in HOSTILE_URLS}) == len(HOSTILE_URLS) >= 60


@named(HOSTILE_URLS)
async def test_a_hostile_address_is_never_dialled(network: Network, url: str) -> None:
    async with Fetcher(allowed=frozenset()) as fetcher:
        with refused(network):
            await fetcher.page(url)
        with refused(network):
            await fetcher.feed(url)


@named([row for row in HOSTILE_URLS if row.url and not set(row.url) & set("\r\n\x00")])
async def test_a_redirect_to_a_hostile_address_is_not_followed(network: Network, url: str) -> None:
    # As bytes, for servers send them so; a relative address is one of the same server, where nothing is.
    answer = reply(status="302 Found", Location="HERE").replace(b"HERE", url.encode())
    async with RawServer({"/": answer}) as server, Fetcher(allowed=frozenset({server.host})) as fetcher:
        network.reachable = server.host
        with refused(network, *REFUSALS, Failure.NOT_FOUND):
            await fetcher.page(server.url())


@named(HARMLESS_URLS)
async def test_a_harmless_address_is_dialled(network: Network, url: str) -> None:
    async with Fetcher(allowed=frozenset()) as fetcher:
        with pytest.raises(FetchError) as failed:
            await fetcher.page(url)
    assert failed.value.code == Failure.CONNECTION
    assert network.dialled and all(map(is_public, network.dialled))


async def test_the_address_that_was_checked_is_the_one_dialled(network: Network) -> None:
    """DNS rebinding: the name server says something else when it is asked again. It is not asked again."""
    async with Fetcher(allowed=frozenset()) as fetcher:
        with pytest.raises(FetchError):
            await fetcher.page("http://public.example/")
        assert (network.asked["public.example"], network.dialled) == (1, ["93.184.216.34"])
        network.dialled.clear()
        network.names["public.example"] = ("127.0.0.1",)
        with refused(network, Failure.BLOCKED_ADDRESS):
            await fetcher.page("http://public.example/")


async def test_a_redirect_to_the_same_name_is_checked_again(network: Network) -> None:
    async with RawServer({"/": reply(status="302 Found", Location="http://public.example/")}) as server:
        network.reachable = server.host
        network.names["public.example"] = ("10.0.0.1",)
        async with Fetcher(allowed=frozenset({server.host})) as fetcher:
            with refused(network, Failure.BLOCKED_ADDRESS):
                await fetcher.page(server.url())


async def test_an_exception_for_a_host_is_none_for_its_neighbours(network: Network) -> None:
    async with Fetcher(allowed=frozenset({"private.example", "127.0.0.1:8765"})) as fetcher:
        for url in ("http://127.0.0.1/", "http://127.0.0.1:8766/", "http://private6.example/"):
            with refused(network):
                await fetcher.page(url)
        with pytest.raises(FetchError):
            await fetcher.page("http://private.example/")
    assert network.dialled == ["10.0.0.5"]


async def test_the_guard_checks_the_port_that_is_dialled(network: Network) -> None:
    """Whatever a reading of the address before had made of it."""
    async with Fetcher(allowed=frozenset()) as fetcher:
        with pytest.raises(FetchError, match="port 22"):
            await fetcher._client.get("http://public.example:22/")
    assert network.dialled == []


async def test_a_name_server_that_never_answers_cannot_stretch_the_deadline(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: answered.wait(30) and [])
    try:
        async with Fetcher(Bounds(seconds=0.2), allowed=frozenset()) as fetcher:
            with refused(network, Failure.TIMEOUT):
                await fetcher.page("http://public.example/")
    finally:
        answered.set()
