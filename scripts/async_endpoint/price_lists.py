"""AWS's public price list files over HTTPS: no account and no credentials are used."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from async_endpoint.capacity.price_files import HOST, USAGE_TYPES, OfferPrices, address, read_offer
from async_endpoint.core.errors import AsyncEndpointError, InvalidInput, NotReady

TIMEOUT_SECONDS: Final = 60
MAX_BYTES: Final = 200_000_000  # of one file; that of SageMaker has some 4 MB

Fetch = Callable[[str], bytes]


@dataclass(frozen=True)
class Refreshed:
    """What the files of a region have, by service, and a sentence for each file or price that could not be had."""

    region: str
    offers: Mapping[str, OfferPrices]
    problems: tuple[str, ...]

    @property
    def real_time_only(self) -> tuple[str, ...]:
        """Instance types that the files price for real-time endpoints alone."""
        return tuple(kind for offer in self.offers.values() for kind in offer.real_time_only)


def refresh(region: str, fetch: Fetch | None = None, on_progress: Callable[[str], None] = lambda line: None) -> Refreshed:
    """Read the files of every service. Raises InvalidInput for no region, and NotReady where no file can be read."""
    if not re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-\d+", region):
        raise InvalidInput(f"{region!r} is not the name of a region, such as eu-west-1.")
    if region.startswith("cn-"):
        raise InvalidInput(f"Prices in {region} are in renminbi, in files of another host; state them in a file for --prices.")
    offers: dict[str, OfferPrices] = {}
    problems: list[str] = []
    for service in USAGE_TYPES:
        source = address(service, region)
        on_progress(f"reading {source}")
        try:
            offers[service] = read_offer(service, region, (fetch or download)(source))
        except AsyncEndpointError as error:
            problems.append(str(error))
        else:
            problems += offers[service].problems
    if not offers:
        raise NotReady(f"No price list file of {region} could be read. {problems[0]}")
    return Refreshed(region, offers, tuple(problems))


def download(source: str) -> bytes:
    """The content of a file of HOST; raises NotReady. Redirects to other hosts are refused."""
    if not source.startswith(f"{HOST}/"):
        raise InvalidInput(f"{source} is not an address of {HOST}.")
    request = urllib.request.Request(source, headers={"User-Agent": "async-endpoint", "Accept": "application/json"})
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT_SECONDS) as response:
            content = response.read(MAX_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise NotReady(f"{source} answered with status {error.code}; is the region one that has this service?") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise NotReady(f"{source} could not be read ({reason}); run this where it is reachable.") from None
    if len(content) > MAX_BYTES:
        raise NotReady(f"{source} has more than {MAX_BYTES:,} bytes, which no price list file of these services has.")
    return bytes(content)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None
