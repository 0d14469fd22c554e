"""Receivers of webhooks: which URLs are accepted, and which addresses a connection may go to (SSRF).

A URL is refused in any form that two parsers could read differently. Its host is resolved once for a delivery; every address
must be public, and the connection goes to a checked address, so that a second answer of DNS is never used. Networks that are
not public: IANA's IPv4 and IPv6 special-purpose address registries (RFC 6890 and its successors).

Receivers below a configured prefix (`--allow-webhook`) are exempt: from https, from ports, and from the check of addresses.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from async_endpoint.core.errors import InvalidInput

Address = IPv4Address | IPv6Address

MAX_URL_CHARS: Final = 2_048
LOOKUP_SECONDS: Final = 5.0
PORTS: Final = (443, 8443)
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?(?P<target>[/?][\x21-\x7e]*)?",
    re.IGNORECASE,
)
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(
    r"[0-9]+|0x[0-9a-f]*"
)  # a last label that makes a host an IPv4 address (WHATWG URL, "ends in a number")
# A path below a configured prefix that has one: servers and proxies resolve `..`, some after dropping path parameters (`..;`),
# decoding (once or twice) or merging slashes, and so leave the prefix. Plain segments mean the same to all of them.
_PLAIN_PATH: Final = re.compile(r"(?:(?!\.+(?:/|$))[A-Za-z0-9._~!$&'()*+,=:@-]+(?:/|$))*")
_LOCAL_DOMAINS: Final = frozenset({"arpa", "home", "internal", "intranet", "lan", "local", "localdomain", "localhost", "onion"})

_SPECIAL_V4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # Azure's host services, at a public address
    )
)  # fmt: skip
_GLOBAL_V6: Final = IPv6Network("2000::/3")
# inside 2000::/3: protocol assignments with Teredo and ORCHID, documentation, 6to4, AS112
_SPECIAL_V6: Final = tuple(
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
_NAT64: Final = IPv6Network("64:ff9b::/96")  # RFC 6052: what DNS64 of an IPv6-only subnet answers for an IPv4 receiver
_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})  # RFC 5214: an IPv4 address in the interface identifier


class ReceiverRefused(Exception):
    """A receiver that no delivery may go to; the text is a sentence that names what is wrong."""


@dataclass(frozen=True)
class Receiver:
    """A checked URL in its parts. `target` is path and query; `trusted` whether a configured prefix exempts its addresses."""

    scheme: str
    host: str
    port: int
    target: str
    trusted: bool

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


Resolve = Callable[[str, int], Iterable[str]]


def resolve_host(host: str, port: int) -> list[str]:
    """The addresses of `host`, of both families, as getaddrinfo orders them.

    Raises OSError, and TimeoutError after LOOKUP_SECONDS: getaddrinfo itself may take half a minute, and cannot be interrupted.
    """
    found: list[str] = []
    failures: list[OSError | UnicodeError] = []

    def look_up() -> None:
        try:
            found.extend(str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            failures.append(error)

    thread = threading.Thread(target=look_up, name="look-up", daemon=True)
    thread.start()
    thread.join(LOOKUP_SECONDS)
    if thread.is_alive():
        raise TimeoutError
    if failures:
        raise failures[0]
    return list(dict.fromkeys(found))


class AddressPolicy:
    """Which receivers are accepted. `allowed` are URL prefixes, each with a scheme and a host."""

    def __init__(self, allowed: Iterable[str] = (), resolve: Resolve = resolve_host) -> None:
        """Raises InvalidInput for a prefix that is no URL."""
        self._allowed = tuple(_prefix(text) for text in allowed)
        self._resolve = resolve

    def receiver(self, url: str) -> Receiver:
        """The receiver that `url` names; raises ReceiverRefused. Makes no look-up."""
        receiver = _parsed(url)
        if any(_is_below(receiver, prefix) for prefix in self._allowed):
            return Receiver(receiver.scheme, receiver.host, receiver.port, receiver.target, True)
        if receiver.scheme != "https":
            raise ReceiverRefused("The webhook's URL begins with http://; use https.")
        if receiver.port not in PORTS:
            raise ReceiverRefused(f"The webhook's URL has port {receiver.port}; use 443 or 8443.")
        literal = _literal(receiver.host)
        if literal is not None:
            _check_public(literal)
        else:
            _check_domain(receiver.host)
        return receiver

    def addresses(self, receiver: Receiver) -> list[Address]:
        """The addresses to connect to, in order; raises ReceiverRefused unless all are public, OSError if there are none."""
        literal = _literal(receiver.host)
        texts = [receiver.host] if literal is not None else list(self._resolve(receiver.host, receiver.port))
        found = [_address(text) for text in texts]
        if not found:
            raise OSError(f"{receiver.host} has no address")
        if not receiver.trusted:
            for address in found:
                _check_public(address)
        return found


def checked_prefixes(allowed: Iterable[str]) -> tuple[str, ...]:
    """The prefixes of `--allow-webhook`; raises InvalidInput for one that is no URL."""
    prefixes = tuple(allowed)
    AddressPolicy(prefixes)
    return prefixes


def is_public(address: Address) -> bool:
    """Whether an address belongs to the internet: not special-purpose, nor a public form of an address that is."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_V4)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    if address.scope_id is not None or address not in _GLOBAL_V6 or any(address in network for network in _SPECIAL_V6):
        return False
    return int(address) >> 32 & 0xFFFF_FFFF not in _ISATAP


def _check_public(address: Address) -> None:
    if not is_public(address):
        raise ReceiverRefused("The webhook's host has an address that is not public; use a receiver on the internet.")


def _parsed(url: str) -> Receiver:
    if not isinstance(url, str) or not url:
        raise ReceiverRefused("The webhook has no URL; give one that begins with https://.")
    if len(url) > MAX_URL_CHARS:
        raise ReceiverRefused(f"The webhook's URL has {len(url)} characters; use at most {MAX_URL_CHARS}.")
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise ReceiverRefused(
            "The webhook's URL has characters that need encoding; write the host in its ASCII form (xn--…) and percent-encode "
            "the rest."
        )
    match = _URL.fullmatch(url)
    if match is None or "\\" in url or "#" in url:
        raise ReceiverRefused(
            "The webhook's URL is not of the form https://host/path?query without user name, fragment or backslash; fix it."
        )
    scheme, host = match["scheme"].lower(), match["host"].lower().strip("[]")
    port = int(match["port"]) if match["port"] else _DEFAULT_PORTS[scheme]
    if not 0 < port < 65_536:
        raise ReceiverRefused(f"The webhook's URL has port {port}; use 443 or 8443.")
    _check_host(host)
    target = match["target"] or "/"
    return Receiver(scheme, host, port, target if target.startswith("/") else f"/{target}", False)


def _check_host(host: str) -> None:
    """A host is a literal address in its usual form, or a domain name."""
    if _literal(host) is not None:
        return
    labels = host.split(".")
    if ":" in host or _NUMBER.fullmatch(labels[-1]):
        raise ReceiverRefused("The webhook's host is an IP address in an unusual form; write it as 192.0.2.1 or [2001:db8::1].")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ReceiverRefused("The webhook's host is not a domain name; give one without empty parts and a final dot.")


def _check_domain(host: str) -> None:
    labels = host.split(".")
    if len(labels) < 2 or labels[-1] in _LOCAL_DOMAINS:
        raise ReceiverRefused("The webhook's host is a name of a local network; use a receiver on the internet.")


def _literal(host: str) -> Address | None:
    """The address that `host` is, in strict form; None for names and for everything else."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _address(text: str) -> Address:
    try:
        return ip_address(text)
    except ValueError as error:
        raise OSError(f"a look-up answered {text!r}, which is no address") from error


def _prefix(text: str) -> Receiver:
    try:
        return _parsed(text)
    except ReceiverRefused as error:
        raise InvalidInput(f"{text!r} is no prefix of webhooks to allow: {error}") from error


def _is_below(receiver: Receiver, prefix: Receiver) -> bool:
    """Whether a URL is the prefix or continues it at a slash or question mark."""
    if (receiver.scheme, receiver.host, receiver.port) != (prefix.scheme, prefix.host, prefix.port):
        return False
    if prefix.target == "/":
        return True
    rest = receiver.target.removeprefix(prefix.target)
    if not receiver.target.startswith(prefix.target) or not (prefix.target[-1] in "/?" or rest[:1] in ("", "/", "?")):
        return False
    if "?" in prefix.target:
        return True
    path = rest.partition("?")[0]
    return _PLAIN_PATH.fullmatch(path if prefix.target.endswith("/") else path.removeprefix("/")) is not None
