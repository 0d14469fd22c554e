"""A published experiment through the HTTP API: four requests at once, two instances that take one at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from starlette.testclient import TestClient

from async_endpoint.http_api.application import create_application
from async_endpoint.http_api.served_endpoint import Services
from support.in_process_aws import AwsHarness
from support.sample_model import archive
from support.served_api import NAME, local_settings, with_api

REQUESTS, INSTANCES = 4, 2
SECONDS = 0.6  # in place of the experiment's five, which `make bench` waits
SLEEPER = f"""
import json, os, time

def model_fn(model_dir):
    return None

def input_fn(data, content_type):
    return data

def predict_fn(data, model):
    begun = time.time()
    time.sleep({SECONDS})
    return {{"instance": os.getpid(), "begun": begun, "ended": time.time()}}

def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""


@pytest.fixture
def http(local_aws: AwsHarness) -> Iterator[TestClient]:
    """One API process in front of two instances of the model."""
    two = {"InitialInstanceCount": INSTANCES}
    deployed = local_aws.endpoint(archive(SLEEPER), topics=True, concurrency=1, variant=two, SAGEMAKER_MODEL_SERVER_WORKERS="1")
    deployed.serving(INSTANCES)
    settings = local_settings(with_api(deployed), local_aws.url)
    with TestClient(create_application(settings, Services.of(settings)), base_url="http://127.0.0.1:8000") as client:
        yield client
    local_aws.sagemaker.delete_endpoint(EndpointName=deployed.name)


def test_four_requests_run_in_two_rounds(http: TestClient) -> None:
    def predict(_: int) -> dict[str, Any]:
        answer = http.post(f"/v1/endpoints/{NAME}/predictions", content=b'{"message": "test"}', headers={"Prefer": "wait=25"})
        assert answer.status_code == 200, answer.text
        ran: dict[str, Any] = answer.json()["output"]
        return ran

    with ThreadPoolExecutor(REQUESTS) as callers:
        ran = sorted(callers.map(predict, range(REQUESTS)), key=lambda one: one["begun"])
    rounds = {one["instance"]: [other for other in ran if other["instance"] == one["instance"]] for one in ran}
    assert [len(each) for each in rounds.values()] == [2, 2], json.dumps(ran)
    for each in rounds.values():
        assert all(earlier["ended"] <= later["begun"] for earlier, later in pairwise(each)), "one at a time"
    assert ran[1]["begun"] < ran[0]["ended"], "the first two ran together"
    assert ran[3]["begun"] < ran[2]["ended"], "and so did the last two"
    assert ran[3]["ended"] - ran[0]["begun"] < (REQUESTS - 1) * SECONDS, "two rounds, not three"
