"""Receivers that no webhook may go to: URLs that are refused, names that resolve to them, and what is configured."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3.util import parse_url

from async_endpoint.core.errors import InvalidInput
from async_endpoint.http_api.webhooks.addresses import AddressPolicy, ReceiverRefused, is_public

PUBLIC_V4, PUBLIC_V6 = "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"

# Addresses of machines that a stranger's webhook must not reach, in the form that a resolver answers.
NOT_PUBLIC = {
    "loopback": "127.0.0.1",
    "all of loopback": "127.255.3.9",
    "this host": "0.0.0.0",
    "this network": "0.1.2.3",
    "private, 10": "10.20.30.40",
    "private, 172.16": "172.31.255.254",
    "private, 192.168": "192.168.1.1",
    "link-local, instance metadata": "169.254.169.254",
    "container metadata": "169.254.170.2",
    "carrier-grade NAT": "100.64.0.1",
    "metadata of another cloud": "100.100.100.200",
    "host services at a public address": "168.63.129.16",
    "protocol assignments": "192.0.0.170",
    "documentation": "203.0.113.7",
    "benchmarking": "198.19.0.1",
    "6to4 relay": "192.88.99.1",
    "multicast": "239.255.255.250",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6 unspecified": "::",
    "IPv6 loopback": "::1",
    "IPv6 link-local": "fe80::1",
    "IPv6 link-local with a zone": "fe80::1%1",
    "IPv6 public with a zone": f"{PUBLIC_V6}%1",
    "IPv6 site-local": "fec0::1",
    "IPv6 unique local": "fd12:3456:789a::1",
    "IPv6 instance metadata": "fd00:ec2::254",
    "IPv6 multicast": "ff02::1",
    "IPv6 documentation": "2001:db8::1",
    "IPv6 documentation, newer": "3fff::1",
    "IPv6 discard": "100::1",
    "IPv4-mapped loopback": "::ffff:127.0.0.1",
    "IPv4-mapped metadata": "::ffff:a9fe:a9fe",
    "IPv4-mapped public": f"::ffff:{PUBLIC_V4}",
    "IPv4-compatible loopback": "::127.0.0.1",
    "IPv4-translated": "::ffff:0:127.0.0.1",
    "6to4 of loopback": "2002:7f00:1::1",
    "6to4 of the metadata address": "2002:a9fe:a9fe::",
    "Teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "NAT64 of loopback": "64:ff9b::7f00:1",
    "NAT64 of a private address": "64:ff9b::10.0.0.1",
    "NAT64, local prefix": "64:ff9b:1::7f00:1",
    "ISATAP of a private address": "2001:470:1:2:0:5efe:10.0.0.1",
    "ORCHID": "2001:20::1",
    "segment routing": "5f00::1",
}
# URLs that are refused without a look-up, by how they hide where they go or what they use.
REFUSED = {
    "plain http": "http://example.com/hook",
    "another scheme": "ftp://example.com/hook",
    "a file": "file:///etc/passwd",
    "gopher": "gopher://127.0.0.1:6379/_FLUSHALL",
    "no scheme": "example.com/hook",
    "no host": "https:///hook",
    "localhost": "https://localhost/",
    "localhost with a dot": "https://localhost./",
    "below localhost": "https://api.localhost/",
    "a single label": "https://intranet/",
    "a metadata name": "https://metadata.google.internal/",
    "multicast DNS": "https://printer.local/",
    "reverse zone": "https://1.0.0.127.in-addr.arpa/",
    "decimal": "https://2130706433/",
    "hexadecimal": "https://0x7f000001/",
    "hexadecimal parts": "https://0x7f.0x0.0x0.0x1/",
    "octal": "https://0177.0.0.1/",
    "octal, all": "https://017700000001/",
    "leading zeros": "https://127.000.000.001/",
    "short form": "https://127.1/",
    "mixed form": "https://169.254.0xa9fe/",
    "five parts": "https://127.0.0.1.1/",
    "too large": "https://256.1.1.1/",
    "final dot after an address": "https://127.0.0.1./",
    "final dot after a name": "https://example.com./",
    "empty label": "https://a..example.com/",
    "user name": "https://example.com@127.0.0.1/",
    "user name and password": "https://me:secret@example.com/",
    "encoded at sign": "https://example.com%40127.0.0.1/",
    "encoded dot": "https://127%2e0%2e0%2e1/",
    "backslash": "https://example.com\\@127.0.0.1/",
    "backslash in the path": "https://example.com/\\127.0.0.1",
    "fragment": "https://example.com#@127.0.0.1/",
    "full-width digits": "https://１２７.0.0.1/",
    "circled digits": "https://①②⑦.⓪.⓪.①/",
    "ideographic full stop": "https://127。0。0。1/",
    "Unicode name": "https://bücher.example/",
    "soft hyphen": "https://local\u00adhost/",
    "leading blank": " https://example.com/",
    "tab": "https://exa\tmple.com/",
    "line feed": "https://example.com/\nHost: evil",
    "carriage return and header": "https://example.com/ HTTP/1.1\r\nX-Evil: 1",
    "NUL": "https://example.com\x00.evil.com/",
    "port of SSH": "https://example.com:22/",
    "port of Redis": "https://example.com:6379/",
    "port of http": "https://example.com:80/",
    "port zero": "https://example.com:0/",
    "port too large": "https://example.com:65979/",  # 443 modulo 65,536
    "signed port": "https://example.com:+443/",
    "IPv6 zone": "https://[fe80::1%25eth0]/",
    "IPv6 in brackets twice": "https://[[::1]]/",
    "IPv6 without brackets": "https://::1/",
    "IPv6 with an IPv4 tail in octal": "https://[::ffff:0177.0.0.1]/",
    "too long": "https://example.com/" + "a" * 2_048,
    "empty": "",
}


@pytest.mark.parametrize("name", NOT_PUBLIC)
def test_no_form_of_an_address_that_is_not_public_is_connected_to(name: str) -> None:
    address = NOT_PUBLIC[name]
    policy = AddressPolicy(resolve=lambda host, port: [address])
    assert not is_public(ip_address(address))
    with pytest.raises(ReceiverRefused, match="not public"):
        policy.addresses(policy.receiver("https://hooks.example.com/"))
    if "%" not in address:
        literal = f"[{address}]" if ":" in address else address
        with pytest.raises(ReceiverRefused, match="not public"):
            policy.receiver(f"https://{literal}/hook")


@pytest.mark.parametrize("name", REFUSED)
def test_urls_that_parsers_read_differently_are_refused(name: str) -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise AssertionError("a refused URL is not looked up")

    with pytest.raises(ReceiverRefused) as refused:
        AddressPolicy(resolve=resolve).receiver(REFUSED[name])
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "host", "port", "target"),
    [
        ("https://example.com", "example.com", 443, "/"),
        ("HTTPS://Hooks.Example.COM:8443/a/b?c=d%20e", "hooks.example.com", 8443, "/a/b?c=d%20e"),
        ("https://example.com?x=1", "example.com", 443, "/?x=1"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/"),
        ("https://a_b.example.com/", "a_b.example.com", 443, "/"),
        (f"https://{PUBLIC_V4}/", PUBLIC_V4, 443, "/"),
        (f"https://[{PUBLIC_V6}]/", PUBLIC_V6, 443, "/"),
    ],
)
def test_usual_urls_are_accepted(url: str, host: str, port: int, target: str) -> None:
    receiver = AddressPolicy().receiver(url)
    assert (receiver.host, receiver.port, receiver.target, receiver.trusted) == (host, port, target, False)


@pytest.mark.parametrize("address", [PUBLIC_V4, PUBLIC_V6, f"64:ff9b::{PUBLIC_V4}", "8.8.8.8", "2a00:1450:4001:830::200e"])
def test_public_addresses_pass(address: str) -> None:
    policy = AddressPolicy(resolve=lambda host, port: [address])
    assert policy.addresses(policy.receiver("https://example.com/")) == [ip_address(address)]


def test_one_private_address_among_public_ones_refuses_a_name() -> None:
    policy = AddressPolicy(resolve=lambda host, port: [PUBLIC_V4, PUBLIC_V6, "10.0.0.1"])
    with pytest.raises(ReceiverRefused):
        policy.addresses(policy.receiver("https://example.com/"))


def test_a_configured_prefix_may_be_private_plain_and_on_any_port() -> None:
    policy = AddressPolicy(["http://127.0.0.1:9000/hooks", "https://receiver.internal/"], lambda host, port: ["10.1.2.3"])
    accepted = (
        "http://127.0.0.1:9000/hooks",
        "http://127.0.0.1:9000/hooks/a.b/..c/?b=../;%2e",
        "https://receiver.internal/any",
    )
    for url in accepted:
        receiver = policy.receiver(url)
        assert receiver.trusted
        assert str(policy.addresses(receiver)[0]) in ("127.0.0.1", "10.1.2.3")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9000/hooksmith",
        "http://127.0.0.1:9000/",
        "http://127.0.0.1:9001/hooks",
        "https://127.0.0.1:9000/hooks",
        "http://127.0.0.2:9000/hooks",
        "http://127.0.0.1:9000/hooks/../admin",
        "http://127.0.0.1:9000/hooks/%2e%2E/admin",
        "http://127.0.0.1:9000/hooks/..%2fadmin",
        "http://127.0.0.1:9000/hooks/..;/admin",
        "http://127.0.0.1:9000/hooks/..;a=b/admin",
        "http://127.0.0.1:9000/hooks/%252e%252e/admin",
        "http://127.0.0.1:9000/hooks/%c0%ae%c0%ae/admin",
        "http://127.0.0.1:9000/hooks//admin",
        "http://127.0.0.1:9000/hooks/a/..",
        "http://127.0.0.1:9000/hooks/..?a",
        "http://127.0.0.1:9000@evil.example/hooks",
        "http://127.0.0.1.evil.example:9000/hooks",
    ],
)
def test_what_only_looks_like_a_configured_prefix_is_refused(url: str) -> None:
    for prefix in ("http://127.0.0.1:9000/hooks", "http://127.0.0.1:9000/hooks/"):
        with pytest.raises(ReceiverRefused):
            AddressPolicy([prefix]).receiver(url)


MARKS = ["https:", "http:", "//", "/", "\\", "@", ":", "#", "?", ".", "[", "]", "%", "%2e", "%40", "%00", " ", "\t", "\r\n"]
NUMBERS = ["443", "8443", "22", "0", "0x7f", "127", "1", "127.0.0.1", "169.254.169.254", "::1", "::ffff:7f00:1", PUBLIC_V6]
NAMES = ["example.com", "localhost", "evil", "xn--", "user", "a_b", "-", "é", "。", "１", "\u2100", "\x00"]
PIECES = st.sampled_from([*MARKS, *NUMBERS, *NAMES])


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=7).map("".join), st.booleans())
def test_an_accepted_url_means_the_same_to_other_parsers(rest: str, prefixed: bool) -> None:
    """Whatever is accepted, the standard library and urllib3 find the same host and port in it."""
    url = f"https://{rest}" if prefixed else rest
    try:
        receiver = AddressPolicy().receiver(url)
    except ReceiverRefused:
        return
    standard, other = urlsplit(url), parse_url(url)
    assert standard.hostname == (other.host or "").strip("[]").lower() == receiver.host
    assert (standard.port or 443) == (other.port or 443) == receiver.port
    assert standard.username is None and other.auth is None
    target = standard.path + (f"?{standard.query}" if standard.query else "")
    assert receiver.target.rstrip("?") in (target.rstrip("?"), f"/{target}".rstrip("?"))


def test_a_malformed_prefix_is_refused_at_the_start() -> None:
    with pytest.raises(InvalidInput, match="no prefix of webhooks"):
        AddressPolicy(["127.0.0.1:9000"])
