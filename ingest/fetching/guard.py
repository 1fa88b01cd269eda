"""Where our fetches may go: the public internet, and what the settings name.

The guard sits below TLS and redirects, where connections are made: a name is resolved once, every address is
checked, and a checked address is dialled. Nothing can change between the check and the call.
"""

import asyncio
import socket
import ssl
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, cast
from urllib.parse import urlsplit

import httpcore2
import httpx2
from django.utils.translation import gettext as _

from ingest.decisions import Failure

_PORTS = {"http": 80, "https": 443}
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_IPV4_COMPATIBLE = IPv6Network("::/96")
# Threads of their own: a name server that never answers holds up nobody but other fetches.
_resolvers = ThreadPoolExecutor(16, thread_name_prefix="resolve")


class FetchError(Exception):
    """A page could not be had. `code` says why; its text may be shown to the person who asked, and is in the language
    that was active when it was raised. `why`: the same inside a sentence.
    """

    def __init__(self, code: Failure, detail: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(code.sentence(detail))
        self.code = code
        self.why = code.because(detail)
        self.retry_after = retry_after


def is_public(address: str) -> bool:
    """May we connect to `address`? Only if it, and every address it hides, is global unicast."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if found in _NAT64[0]:
            return is_public(str(IPv4Address(int(found) & 0xFFFF_FFFF)))
        # Tunnels carry somebody's choice of IPv4 address: 6to4, Teredo, local NAT64, IPv4-compatible.
        if found.sixtofour or found.teredo or found in _NAT64[1] or found in _IPV4_COMPATIBLE:
            return False
        if found.is_site_local:
            return False
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def check_url(url: str, allowed: Collection[str] = ()) -> None:
    """Refuse, with FetchError, an address nobody should open: other schemes and ports, user names, odd
    characters.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise FetchError(Failure.BAD_URL) from None
    host = parts.hostname or ""
    if parts.scheme not in _PORTS or not host:
        raise FetchError(Failure.BAD_URL, _("only http and https addresses are read"))
    if "@" in parts.netloc:
        raise FetchError(Failure.BAD_URL, _("it contains a user name"))
    if any(character.isspace() or ord(character) < 32 or character == "\\" for character in url) or len(url) > 2000:
        raise FetchError(Failure.BAD_URL)
    port = port if port is not None else _PORTS[parts.scheme]
    if port not in _PORTS.values() and not is_allowed(host, port, allowed):
        raise FetchError(Failure.BAD_URL, _("port %(port)s is not one of the web") % {"port": port})


def is_allowed(host: str, port: int, allowed: Collection[str]) -> bool:
    """Is this host (or this host and port) on the list of exceptions?"""
    shown = f"[{host}]" if ":" in host else host
    return shown in allowed or f"{shown}:{port}" in allowed


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Makes httpx2's connections, to checked addresses alone."""

    def __init__(self, allowed: Collection[str] = ()) -> None:
        self._allowed = frozenset(allowed)
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore2's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to `host`. Raises FetchError when any of its addresses is not public."""
        allowed = is_allowed(host, port, self._allowed)
        # Asked again here: whatever another reading of the address made of its port, this is the one that is dialled.
        if port not in _PORTS.values() and not allowed:
            raise FetchError(Failure.BAD_URL, _("port %(port)s is not one of the web") % {"port": port})
        addresses = await self._resolve(host, port)
        if not allowed and not all(map(is_public, addresses)):
            raise FetchError(Failure.BLOCKED_ADDRESS, host)
        trouble: Exception | None = None
        for address in addresses[:4]:
            try:
                stream = await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
                return _GuardedStream(stream)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                trouble = error
        raise cast(Exception, trouble)

    async def connect_unix_socket(self, *_args: Any, **_kwargs: Any) -> httpcore2.AsyncNetworkStream:
        """Never: no page lives in a socket file."""
        raise FetchError(Failure.BLOCKED_ADDRESS)

    async def sleep(self, seconds: float) -> None:
        """Wait between attempts to connect."""
        await self._inner.sleep(seconds)

    async def _resolve(self, host: str, port: int) -> list[str]:
        look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        try:
            found = await asyncio.get_running_loop().run_in_executor(_resolvers, look_up)
        except (OSError, UnicodeError):
            raise FetchError(Failure.DNS, host) from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not addresses:
            raise FetchError(Failure.DNS, host)
        return addresses


class _GuardedStream(httpcore2.AsyncNetworkStream):
    """A connection that is closed when the deadline comes during its TLS handshake.

    httpcore2 closes it on errors alone: a server that never shakes hands would cost a file descriptor for good.
    """

    def __init__(self, inner: httpcore2.AsyncNetworkStream) -> None:
        self._inner = inner

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore2's
        """The next bytes."""
        return await self._inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore2's
        """Send `buffer`."""
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        """Hang up."""
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's
    ) -> httpcore2.AsyncNetworkStream:
        """Shake hands."""
        try:
            return await self._inner.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            await self._inner.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:
        """What httpcore2 asks of a connection."""
        return self._inner.get_extra_info(info)


@cache
def _tls() -> ssl.SSLContext:
    """Whom we trust. Once per process: reading all those certificates takes 20 ms, and a run would wait for it."""
    return httpx2.create_ssl_context(trust_env=False)


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """httpx2's own transport on a guarded network: no proxy, no environment, no HTTP/2."""

    def __init__(self, allowed: Collection[str] = (), *, limits: httpx2.Limits) -> None:
        super().__init__(verify=_tls(), trust_env=False, limits=limits)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=_tls(),
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=GuardedBackend(allowed),
        )
