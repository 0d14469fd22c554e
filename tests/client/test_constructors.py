"""The ways to create a client, and what each one needs."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from async_endpoint import AsyncEndpoint, ClientConfig, EndpointInfo, InvalidInput, UsageError
from async_endpoint.terraform import outputs as terraform_outputs
from async_endpoint.workspace import Workspace


def test_from_terraform_reads_the_addressed_endpoint_of_a_checkout(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[tuple[str, bool, Workspace | None]] = []

    def read_endpoint(address: str, *, local: bool, workspace: Workspace | None) -> tuple[Any, Any]:
        read.append((address, local, workspace))
        return aws.outputs, terraform_outputs.AwsAccess("http://127.0.0.1:9")

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


def test_from_outputs_takes_the_whole_document_of_the_command_if_it_has_one_endpoint(aws: Any) -> None:
    one = aws.outputs.as_dict() | {"endpoint_url": "http://127.0.0.1:9"}
    with AsyncEndpoint.from_outputs({"environment": "dev", "endpoints": {"recommender": one}}) as endpoint:
        assert (endpoint.info.name, endpoint._session.endpoint_url) == ("shop", "http://127.0.0.1:9")
    several = {"environment": "dev", "endpoints": {"recommender": one, "detector": one}}
    with pytest.raises(InvalidInput) as caught:
        AsyncEndpoint.from_outputs(several)
    assert str(caught.value) == (
        "The document has the outputs of 2 endpoints; pass the one of an endpoint: "
        "document['endpoints']['detector'] or document['endpoints']['recommender']."
    )
    with pytest.raises(InvalidInput, match="has no endpoint; apply the environment"):
        AsyncEndpoint.from_outputs({"environment": "dev", "endpoints": {}})


@pytest.mark.parametrize("address", [None, Path("dev"), 7, b"dev", ""])
def test_an_address_that_is_no_text_is_refused(address: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^The address is .*; pass ENV/NAME( as a str)?\.$"):
        AsyncEndpoint.from_terraform(address)


@pytest.mark.parametrize(
    ("name", "region", "options", "wrong"),
    [
        (None, "eu-west-1", {}, "The name is of type NoneType"),
        ("", "eu-west-1", {}, "The name is empty"),
        ("shop", None, {}, "The region is of type NoneType"),
        ("shop", "", {}, "The region is empty"),
        ("shop", "eu-west-1", {"input_uri": 7}, "The input_uri is of type int"),
        ("shop", "eu-west-1", {"endpoint_url": 7}, "The endpoint_url is of type int"),
        ("shop", "eu-west-1", {"config": {}}, "The config is of type dict"),
        ("shop", "eu-west-1", {"session": "eu-west-1"}, "The session is of type str"),
    ],
)
def test_from_name_names_the_argument_that_is_wrong(name: Any, region: Any, options: Any, wrong: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{wrong}; pass "):
        AsyncEndpoint.from_name(name, region, **options)


def test_other_constructors_name_the_argument_that_is_wrong(aws: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^The workspace is of type PosixPath; pass"):
        AsyncEndpoint.from_terraform("dev", workspace=Path())  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"^The region is of type NoneType; pass"):
        AsyncEndpoint(replace(EndpointInfo.from_outputs(aws.outputs), region=None))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"^The session is of type object; pass"):
        AsyncEndpoint.from_outputs(aws.outputs, session=object())  # type: ignore[arg-type]


def test_without_credentials_the_variables_of_the_local_aws_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for variable in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(variable, str(tmp_path / "none"))
    with pytest.raises(UsageError, match=r'for the local AWS set AWS_ENDPOINT_URL .*: eval "\$\(async-endpoint local env\)"'):
        AsyncEndpoint.from_name("shop", "eu-west-1")


def test_a_client_shows_its_endpoint_region_and_run(aws: Any) -> None:
    with AsyncEndpoint.from_outputs(aws.outputs, session=aws.session, run="mine") as endpoint:
        assert repr(endpoint) == "<AsyncEndpoint shop in eu-west-1, run mine>"
    assert repr(endpoint) == "<AsyncEndpoint shop in eu-west-1, run mine, closed>"


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
