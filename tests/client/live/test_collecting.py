"""Requests and results on a healthy endpoint: by each way of collecting, with its price in calls."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from async_endpoint import AsyncEndpoint, ClientConfig, Request
from async_endpoint.core.errors import EndpointNotReady
from support.client_against_emulator import JSON, Batch, Stage, orders
from support.in_process_aws import REGION, AwsHarness


@pytest.mark.parametrize("collect", ["notifications", "listing", "head"])
def test_each_collect_method_finds_every_result(stage: Any, collect: str) -> None:
    explanations: list[str] = []
    with stage.client(collect=collect, explain=explanations.append) as client:
        invocations = {n: client.submit(orders(answer=n), content_type=JSON) for n in range(40)}
        assert {n: invocation.result().json() for n, invocation in invocations.items()} == {n: n for n in range(40)}
    assert len(explanations) == 1 and collect in explanations[0]
    assert not any(stage.leases().values())


def test_a_response_inside_its_notification_is_not_fetched_again(stage: Stage) -> None:
    with stage.counted() as calls, stage.client(notification_grace=60) as client:
        Batch(client, 50).check()
        counted = calls()
    assert counted["sagemaker-runtime:InvokeEndpointAsync"] == 50
    assert "s3:GetObject" not in counted
    assert "sqs:DeleteMessage" not in counted and "sqs:DeleteMessageBatch" not in counted


def test_a_listing_reads_each_result_once(stage: Stage) -> None:
    with stage.counted() as calls, stage.client(collect="listing") as client:
        Batch(client, 50).check()
        counted = calls()
    assert counted["s3:GetObject"] == 50


def test_any_asynchronous_endpoint_can_be_used_by_its_name(local_aws: AwsHarness, stage: Stage) -> None:
    config = ClientConfig(deadline=90)
    with AsyncEndpoint.from_name(stage.target.name, REGION, endpoint_url=local_aws.url, config=config) as client:
        assert client.info.topics == stage.target.topics
        uploaded = client.submit(orders(answer=1), content_type=JSON, inline=False)
        assert uploaded.result().json() == 1
        assert uploaded.accepted().input_location == f"s3://{stage.deployed.bucket}/input/{client.run}/00000001.json"
        assert local_aws.read(uploaded.accepted().output_location)


def test_what_is_no_asynchronous_endpoint_is_refused(local_aws: AwsHarness) -> None:
    with pytest.raises(EndpointNotReady, match="Endpoint not-there does not exist"):
        AsyncEndpoint.from_name("not-there", REGION, endpoint_url=local_aws.url)


def test_a_request_is_collected_by_another_client(stage: Stage) -> None:
    with stage.client() as one:
        submitted = one.send(Request(payload=orders(answer=5), content_type=JSON))
    with stage.client() as other:
        assert other.resume(submitted, tag="mine").result().json() == 5


def test_resuming_what_has_ended_neither_waits_nor_ends_notifications(local_aws: AwsHarness, stage: Stage) -> None:
    explanations: list[str] = []
    with stage.client() as one:
        accepted = [one.send(Request(orders(answer=number), content_type=JSON)) for number in range(5)]
        assert [one.resume(submitted).result().json() for submitted in accepted] == list(range(5))
    with stage.client(explain=explanations.append) as other:
        assert other.submit(orders(answer=9), content_type=JSON).result().json() == 9, "its queue is open and read"
        resumed = [other.resume(submitted).result(9).json() for submitted in accepted]  # without a read at once: 10 s each
        assert resumed == list(range(5))
        assert other.submit(orders(answer=9), content_type=JSON).result().json() == 9
    assert [line for line in explanations if line.startswith("Results are found by notifications")] == explanations


def test_the_same_key_of_the_same_run_is_one_output(local_aws: AwsHarness, stage: Stage) -> None:
    for _ in range(2):
        with stage.client(run="nightly-7") as client:
            assert client.submit(orders(answer=1), content_type=JSON, key="item-1").result().json() == 1
    assert local_aws.keys(stage.deployed.bucket, "output/nightly-7/") == ["output/nightly-7/item-1.out"]


def test_asyncio_code_awaits_many(stage: Stage) -> None:
    async def ask(client: AsyncEndpoint) -> list[Any]:
        return await asyncio.gather(*(client.submit(orders(answer=n), content_type=JSON) for n in range(20)))

    with stage.client() as client:
        assert [result.json() for result in asyncio.run(ask(client))] == list(range(20))
