"""Webhooks on a local AWS that runs the model: SNS to SQS by a filter, real queues and delays, a receiver that verifies."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial

import pytest
from starlette.testclient import TestClient

from async_endpoint.core.outputs import HttpApi
from async_endpoint.http_api.application import create_application
from async_endpoint.http_api.served_endpoint import Services
from async_endpoint.http_api.settings import ApiSettings, EndpointSettings
from async_endpoint.http_api.webhooks import background, deliverer
from async_endpoint.http_api.webhooks.dead_letters import DeadLetters
from async_endpoint.http_api.webhooks.deliverer import outcomes_of
from async_endpoint.http_api.webhooks.schedule import RetrySchedule
from async_endpoint.http_api.webhooks.worker import Worker, WorkerSettings
from support.common import until
from support.deployed_endpoint import Deployed
from support.echo_endpoint import outputs_of
from support.in_process_aws import REGION, AwsHarness
from support.webhook_receiver import Received, Receiver, receiving

PREDICTIONS = "/v1/endpoints/model/predictions"


@pytest.fixture
def http_api(local_aws: AwsHarness, shared_endpoint: Deployed) -> HttpApi:
    """Delivery queues as modules/webhooks makes them, for the shared endpoint."""
    dead = local_aws.queue()
    queue = local_aws.queue(RedrivePolicy=json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 5}))
    for topic in {shared_endpoint.topics[name] for name in ("SuccessTopic", "ErrorTopic")}:
        wanted = json.dumps({"inferenceId": [{"prefix": "api-"}]})
        scope = {"FilterPolicyScope": "MessageBody", "RawMessageDelivery": "true"}
        local_aws.subscribe(topic, queue, FilterPolicy=wanted, **scope)
    folder = f"s3://{shared_endpoint.bucket}"
    return HttpApi(f"{folder}/predictions/hooks/", f"{folder}/credentials/hooks/", queue.url, queue.arn, dead.url)


@contextmanager
def serving(local_aws: AwsHarness, deployed: Deployed, http_api: HttpApi, receiver: Receiver) -> Iterator[TestClient]:
    settings = EndpointSettings("model", dataclasses.replace(outputs_of(deployed), http_api=http_api))
    api = ApiSettings(
        environment="local",
        endpoints={"model": settings},
        keys_required=False,
        allowed_webhooks=(receiver.url,),
        endpoint_url=local_aws.url,
    )
    application = create_application(api, Services.of(api))
    with TestClient(application, base_url=f"http://127.0.0.1:{api.port}") as client:
        yield client


def delivered(received: list[Received], event: str) -> list[Received]:
    return [item for item in received if item.event["type"] == f"prediction.{event}" and item.status < 300]


def test_ends_are_announced_retried_and_redriven(
    local_aws: AwsHarness, shared_endpoint: Deployed, http_api: HttpApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in local_aws.credentials.environment(REGION).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(deliverer, "RetrySchedule", partial(RetrySchedule, delays=(0.1,), window=20.0))
    monkeypatch.setattr(background, "Worker", partial(Worker, settings=WorkerSettings(receive=1)))  # so that it stops soon
    with receiving() as receiver, serving(local_aws, shared_endpoint, http_api, receiver) as http:
        receiver.answer = lambda number, path: 503 if number == 0 else 204
        headers = {"Content-Type": "application/json", "Webhook-Url": f"{receiver.url}hook"}
        for body in ({"answer": 1}, {"status": 400, "message": "not this"}):
            assert http.post(PREDICTIONS, content=json.dumps(body), headers=headers).status_code == 202
        received = receiver.wait(lambda found: bool(delivered(found, "succeeded") and delivered(found, "failed")))
        secret = http.get("/v1/endpoints/model/webhook-secret").json()["key"]
        assert all(item.verified(secret) for item in received)
        assert len({item.id for item in received}) == 2 < len(received)

        monkeypatch.setattr(deliverer, "RetrySchedule", partial(RetrySchedule, delays=(30.0,), window=1.0))
    with receiving() as receiver, serving(local_aws, shared_endpoint, http_api, receiver) as http:
        receiver.answer = lambda number, path: 500 if number == 0 else 200
        made = http.post(PREDICTIONS, content=b"{}", headers=headers | {"Webhook-Url": f"{receiver.url}hook"}).json()
        endpoint = http.app.state.endpoints["model"]  # type: ignore[attr-defined]
        letters = DeadLetters(endpoint.session, http_api)
        assert until(letters.redrive, "the undeliverable message is moved back") == 1
        last = receiver.wait(lambda found: len(found) == 2)[-1]
        assert last.event["data"]["id"] == made["id"]
        key = last.id.removeprefix("msg_").partition("_")[0]
        outcomes, created_at = outcomes_of(endpoint), datetime.fromisoformat(made["created_at"])
        until(
            lambda: (found := outcomes.read(key, created_at)) and found.delivery.state == "delivered",
            "the delivery is recorded",
        )
