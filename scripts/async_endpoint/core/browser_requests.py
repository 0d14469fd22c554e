"""Recognises requests that a web page of another origin makes a browser send, by their headers.

A browser sends a page's requests to any address, loopback included. It names the page in `Origin`, `Sec-Fetch-Site` and
`Referer` (https://fetch.spec.whatwg.org, https://www.w3.org/TR/fetch-metadata), and the host name it used in `Host`: after DNS
rebinding a name of the page's owner. Programs send none of the first three, so a request without them is accepted.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_HOST = re.compile(r"(?P<name>\[::1\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::(?P<port>[0-9]{1,5}))?")
_LOOPBACK = re.compile(r"127(?:\.(?:0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])){3}")


def own_host(host: str, port: str) -> bool:
    """Whether a Host header names loopback and this port: localhost, names below it, 127.0.0.0/8 or [::1]."""
    match = _HOST.fullmatch(host.lower())
    return match is not None and (match["port"] or "80") == port and names_loopback(match["name"])


def names_loopback(name: str) -> bool:
    """Whether a host name is of loopback without being resolved: localhost, names below it, 127.0.0.0/8 or [::1]."""
    lower = name.lower()
    return lower in ("localhost", "[::1]", "::1") or lower.endswith(".localhost") or _LOOPBACK.fullmatch(lower) is not None


def foreign_page(own: str, origin: str | None, fetch_site: str | None, referer: str | None) -> str | None:
    """The header that shows that a page of another origin than `own` (`http://localhost:8000`) sent a request, or None.

    The other three are the values of `Origin`, `Sec-Fetch-Site` and `Referer`, None where the request has no such header.
    """
    own = own.lower()
    if origin is not None and origin.lower() != own:
        return f"Origin: {origin}"
    site = (fetch_site or "none").strip().lower()
    if site not in ("none", "same-origin"):
        return f"Sec-Fetch-Site: {site}"
    if referer is not None and not _refers_to(referer, own):
        return f"Referer: {referer}"
    return None


def _refers_to(referer: str, own: str) -> bool:
    try:
        page = urlsplit(referer)
    except ValueError:
        return False
    return f"{page.scheme}://{page.netloc.lower()}" == own
