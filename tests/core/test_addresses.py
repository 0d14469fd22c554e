from __future__ import annotations

import pytest

from async_endpoint.core.addresses import Address, whole_environment
from async_endpoint.core.errors import AmbiguousEndpoint, UnknownEndpoint, UsageError


def test_an_environment_addresses_all_its_endpoints() -> None:
    address = Address.parse("dev")
    assert address.select({"text": 1, "images": 2}) == ["images", "text"]
    assert address.select([]) == []
    assert str(address) == "dev"


def test_a_name_addresses_one_endpoint() -> None:
    address = Address.parse("dev/text")
    assert address.select(["images", "text"]) == ["text"]
    assert address.select_one(["images", "text"]) == "text"
    assert str(address) == "dev/text"


def test_the_only_endpoint_needs_no_name() -> None:
    assert Address.parse("dev").select_one(["text"]) == "text"


def test_an_ambiguous_environment_is_refused_with_the_list() -> None:
    with pytest.raises(AmbiguousEndpoint, match=r"^dev has 2 endpoints; choose one of dev/images, dev/text\.$"):
        Address.parse("dev").select_one(["text", "images"])


def test_an_unknown_endpoint_is_refused_with_the_list() -> None:
    with pytest.raises(UnknownEndpoint, match=r"^dev has no endpoint 'tXt' .*choose one of dev/images, dev/text\.$"):
        Address.parse("dev/tXt").select(["text", "images"])
    with pytest.raises(UnknownEndpoint, match=r"dev has no endpoint 'text' .*it has none"):
        Address.parse("dev/text").select([])
    with pytest.raises(UnknownEndpoint, match=r"dev has no endpoint; add one to envs/dev/main.tf and apply"):
        Address.parse("dev").select_one([])


@pytest.mark.parametrize("text", ["", "/", "/text", "dev/"])
def test_an_incomplete_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"is no address; write ENV .* or ENV/NAME"):
        Address.parse(text)


def test_what_covers_a_whole_environment_refuses_one_endpoint() -> None:
    assert whole_environment("dev") == "dev"
    with pytest.raises(UsageError, match="dev/text is one endpoint, and this command always covers all of dev"):
        whole_environment("dev/text")
