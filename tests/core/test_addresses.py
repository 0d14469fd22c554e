from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from async_endpoint.core.addresses import Address, whole_environment
from async_endpoint.core.errors import AmbiguousEndpoint, InvalidInput, UnknownEndpoint, UsageError


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
    with pytest.raises(UnknownEndpoint, match=r"^'tXt' is not in output async_endpoints of dev; it has images and text\.$"):
        Address.parse("dev/tXt").select(["text", "images"])
    with pytest.raises(UnknownEndpoint, match=r"^'text' is not in output async_endpoints of dev; it has none\.$"):
        Address.parse("dev/text").select([])
    with pytest.raises(UnknownEndpoint, match=r"dev has no endpoint; add one to envs/dev/main.tf and apply"):
        Address.parse("dev").select_one([])


@pytest.mark.parametrize("text", ["", "/", "/text", "dev/"])
def test_an_incomplete_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"is not a valid address; write ENV .* or ENV/NAME"):
        Address.parse(text)


@pytest.mark.parametrize(
    ("value", "kind"), [(None, "a NoneType"), (Path("dev"), "a PosixPath"), (7, "an int"), (b"dev", "a bytes")]
)
def test_what_is_no_text_is_refused_by_its_type(value: Any, kind: str) -> None:
    with pytest.raises(InvalidInput, match=f"^The address is {kind}; give a str: ENV"):
        Address.parse(value)


def test_what_covers_a_whole_environment_refuses_one_endpoint() -> None:
    assert whole_environment("dev") == "dev"
    with pytest.raises(UsageError, match="dev/text is one endpoint, and this command always covers all of dev"):
        whole_environment("dev/text")
