"""The way out: an HTTP client that reaches the configured hub and the public Internet, no more.

A hub's answer may name any address: a redirect, a file's place. Followed blindly it would let
whoever writes that answer reach the services inside this network. So each host is looked up once,
its addresses are checked, and the connection goes to the checked address, not to the name: what
the name means a moment later (DNS rebinding) makes no difference.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import httpx

from vllm_manager.kit.addresses import is_public
from vllm_manager.kit.proxies import HttpProxy, is_named

_KEEP_SECONDS: Final = 30.0
_MAX_REDIRECTS: Final = 5
_PROXY_WANTS_MORE: Final = 407
_TIMEOUT: Final = httpx.Timeout(20.0, connect=5.0)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Looks a host up: name and port to IP addresses, in order of preference. Raises OSError."""


class OutboundRefused(httpx.RequestError):
    """An address that is neither the configured hub's nor of the public Internet."""


class Place(NamedTuple):
    """A host and a port, as an address names them."""

    host: str
    port: int

    @classmethod
    def of(cls, url: httpx.URL) -> "Place":
        """Return the place that `url` leads to, its scheme's usual port where it names none."""
        return cls(url.host.lower(), url.port or _DEFAULT_PORTS.get(url.scheme, 0))


async def look_up(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver, off the loop."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass
class Outbound(httpx.AsyncBaseTransport):
    """A transport that refuses what must not be reached.

    `endpoint` is the hub's address: its exact host and port may lie anywhere, over plain HTTP as
    well. `trusted` are further places (`host:port`) for which the same holds, where the files of a
    mirror come from. Every other host must be reached over HTTPS and have a public address.

    Through a `proxy`, addresses can't be checked: then only the places in `proxied` are asked.

    Raises from a request:
        OutboundRefused: the address may not be reached.
        httpx.RequestError: it can't be.
    """

    endpoint: str
    trusted: Collection[str] = ()
    resolve: Resolve = look_up
    is_public: Callable[[str], bool] = is_public
    proxy: HttpProxy | None = None
    proxied: Collection[str] = ()
    _places: frozenset[Place] = field(init=False)
    _known: dict[Place, tuple[float, Sequence[str]]] = field(init=False, repr=False)
    _tls: ssl.SSLContext | None = field(init=False, repr=False)
    _inner: dict[tuple[str, Place], httpx.AsyncHTTPTransport] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        named = [httpx.URL(self.endpoint), *(httpx.URL(f"https://{name}") for name in self.trusted)]
        self._places = frozenset(Place.of(url) for url in named)
        self._known, self._inner, self._tls = {}, {}, None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        place = Place.of(url)
        if self.proxy is not None:
            return await self._through(self.proxy, request, place)
        addresses = await self._addresses(request, place)
        inner = await self._transport(url.scheme, place)
        failed: httpx.ConnectError | None = None
        for address in addresses:
            try:
                return await inner.handle_async_request(_to(request, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failed = httpx.ConnectError(str(error) or "no connection", request=request)
        self._known.pop(place, None)
        raise failed or httpx.ConnectError(f"{place.host} has no address", request=request)

    async def _through(
        self, proxy: HttpProxy, request: httpx.Request, place: Place
    ) -> httpx.Response:
        self._refuse_if_odd(request)
        if not is_named(place.host, place.port, self.proxied):
            message = f"{place.host}:{place.port} is not to be asked through the proxy"
            raise OutboundRefused(message, request=request)
        inner = await self._transport("proxy", Place(proxy.host, proxy.port))
        try:
            answer = await inner.handle_async_request(request)
        except (httpx.ProxyError, httpx.ConnectError, httpx.ConnectTimeout) as error:
            message = f"the proxy {proxy.shown} (VLLM_MANAGER_HUB_PROXY) says “{error}”"
            raise httpx.ProxyError(message, request=request) from error
        if answer.status_code == _PROXY_WANTS_MORE:
            await answer.aclose()
            message = f"the proxy {proxy.shown} (VLLM_MANAGER_HUB_PROXY) wants other credentials"
            raise httpx.ProxyError(message, request=request)
        return answer

    async def _transport(self, scheme: str, place: Place) -> httpx.AsyncHTTPTransport:
        """Return the connections of one host: hosts that share an address share no connection."""
        found = self._inner.get((scheme, place))
        if found is None:
            if self._tls is None:  # reads every certificate authority: tens of milliseconds
                self._tls = await asyncio.to_thread(httpx.create_ssl_context)
            proxy = _httpx_proxy(self.proxy) if self.proxy is not None else None
            made = httpx.AsyncHTTPTransport(verify=self._tls, proxy=proxy)
            found = self._inner.setdefault((scheme, place), made)
        return found

    async def aclose(self) -> None:
        for transport in self._inner.values():
            await transport.aclose()

    async def _addresses(self, request: httpx.Request, place: Place) -> Sequence[str]:
        url, is_trusted = request.url, place in self._places
        self._refuse_if_odd(request)
        if not is_trusted and url.scheme != "https":
            raise OutboundRefused(f"{_shown(url)} is not encrypted", request=request)
        found = await self._look_up(request, place)
        allowed = found if is_trusted else [one for one in found if self.is_public(one)]
        if found and not allowed:
            message = f"{place.host}:{place.port} is {found[0]}, which is not on the Internet"
            raise OutboundRefused(message, request=request)
        return allowed

    def _refuse_if_odd(self, request: httpx.Request) -> None:
        url = request.url
        if url.scheme not in _DEFAULT_PORTS or not url.host or url.userinfo:
            raise OutboundRefused(f"{_shown(url)} is no HTTPS address", request=request)

    async def _look_up(self, request: httpx.Request, place: Place) -> Sequence[str]:
        kept = self._known.get(place)
        if kept is not None and time.monotonic() - kept[0] < _KEEP_SECONDS:
            return kept[1]
        try:
            found = await self.resolve(place.host, place.port)
        except (OSError, UnicodeError) as error:
            message = f"{place.host} can't be looked up: {error}"
            raise httpx.ConnectError(message, request=request) from error
        self._known[place] = (time.monotonic(), found)
        return found


def client(
    endpoint: str,
    trusted: Collection[str] = (),
    resolve: Resolve = look_up,
    is_public: Callable[[str], bool] = is_public,
    proxy: HttpProxy | None = None,
    proxied: Collection[str] = (),
) -> httpx.AsyncClient:
    """Return a client for `endpoint` that goes through `Outbound`; whoever gets it closes it.

    Redirects are followed, each hop checked; an `Authorization` header goes to no other host.
    Of the environment, proxies and credentials are not used (a proxy is named by `proxy`);
    `SSL_CERT_FILE` and `SSL_CERT_DIR` are.
    """
    return httpx.AsyncClient(
        base_url=endpoint,
        transport=Outbound(endpoint, trusted, resolve, is_public, proxy, proxied),
        timeout=_TIMEOUT,
        follow_redirects=True,
        max_redirects=_MAX_REDIRECTS,
        trust_env=False,
        headers={"user-agent": "vllm-manager"},
    )


def _to(request: httpx.Request, address: str) -> httpx.Request:
    """Return the request directed at an address; its Host and TLS names stay the host's."""
    extensions = {**request.extensions, "sni_hostname": request.url.host}
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions=extensions,
    )


def _httpx_proxy(proxy: HttpProxy) -> httpx.Proxy:
    told = {"Proxy-Authorization": proxy.authorization} if proxy.authorization else None
    return httpx.Proxy(proxy.url, headers=told)


def _shown(url: httpx.URL) -> str:
    """Return an address for people: without credentials and without what was signed."""
    return str(url.copy_with(query=None, fragment=None, userinfo=b""))[:200]
