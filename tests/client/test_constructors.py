"""The ways to create a client, and what each one needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from async_endpoint import AsyncEndpoint, ClientConfig, EndpointInfo, InvalidInput, UsageError
from async_endpoint.terraform import outputs as terraform_outputs
from async_endpoint.workspace import Workspace


def test_from_terraform_reads_the_addressed_endpoint_of_a_checkout(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[tuple[str, bool, Workspace | None]] = []

    def read_endpoint(address: str, *, local: bool, workspace: Workspace | None) -> tuple[Any, str | None]:
        read.append((address, local, workspace))
        return aws.outputs, "http://127.0.0.1:9"

    monkeypatch.setattr(terraform_outputs, "read_endpoint", read_endpoint)
    checkout = Workspace(Path("elsewhere"))
    config = ClientConfig(concurrency=1)
    with AsyncEndpoint.from_terraform("dev/recommender", local=True, workspace=checkout, config=config, run="mine") as endpoint:
        assert (endpoint.info.name, endpoint.run, endpoint.config) == ("shop", "mine", config)
        assert endpoint._session.endpoint_url == "http://127.0.0.1:9"
    assert read == [("dev/recommender", True, checkout)]


def test_from_outputs_takes_the_output_parsed_or_as_decoded_json(aws: Any) -> None:
    for outputs in (aws.outputs, aws.outputs.as_dict()):
        with AsyncEndpoint.from_outputs(outputs, session=aws.session) as endpoint:
            assert endpoint.info == EndpointInfo.from_outputs(aws.outputs)
            assert endpoint.info.deadline_seconds == 3_960


def test_an_endpoint_url_in_the_json_applies_unless_one_is_given(aws: Any) -> None:
    document = aws.outputs.as_dict() | {"endpoint_url": "http://127.0.0.1:9"}
    with AsyncEndpoint.from_outputs(document) as endpoint:
        assert endpoint._session.endpoint_url == "http://127.0.0.1:9"
    with AsyncEndpoint.from_outputs(document, endpoint_url="http://127.0.0.1:8") as endpoint:
        assert endpoint._session.endpoint_url == "http://127.0.0.1:8"


def test_the_constructor_takes_an_endpoint_info(aws: Any) -> None:
    info = replace(EndpointInfo.from_outputs(aws.outputs), topics=())
    with AsyncEndpoint(info, session=aws.session) as endpoint:
        assert endpoint.info is info
    with pytest.raises(InvalidInput, match=r"use AsyncEndpoint\.from_outputs, from_terraform or from_name"):
        AsyncEndpoint(aws.outputs, session=aws.session)  # type: ignore[arg-type]


def test_unusable_aws_settings_are_reported_by_the_constructor(aws: Any) -> None:
    with pytest.raises(UsageError, match="correct the AWS settings"):
        AsyncEndpoint.from_outputs(aws.outputs, endpoint_url="not a url")
