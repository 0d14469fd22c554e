"""Instances that die and endpoints that are deleted: every request reaches exactly one terminal state."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from async_endpoint.core.notifications import parse_notification
from support.common import process_runs, until
from support.deployed_endpoint import Deployed
from support.in_process_aws import AwsHarness


def kill(deployed: Deployed) -> int:
    """Kill the process of one serving instance, as an out-of-memory killer would."""

    def serving() -> list[dict[str, Any]]:
        """A previous kill may not have been detected yet."""
        found: list[dict[str, Any]] = deployed.status()["instances"]
        return [item for item in found if item["state"] == "InService" and process_runs(item["pid"])]

    pid: int = max(until(serving, "an instance serves"), key=lambda item: item["in_flight"])["pid"]
    os.kill(pid, signal.SIGKILL)
    return pid


def test_a_request_whose_instance_is_killed_completes_on_another(deploy: Any, tmp_path: Path) -> None:
    gate, arrivals = tmp_path / "open", tmp_path / "arrivals"
    deployed: Deployed = deploy(concurrency=2, MODEL_SERVER_WORKERS="2")
    requests = [deployed.invoke({"touch": str(arrivals), "until": str(gate), "answer": "red"}) for _ in range(2)]
    until(lambda: arrivals.exists() and len(arrivals.read_text().splitlines()) == 2, "both requests are at the model")
    killed = kill(deployed)
    until(lambda: len(arrivals.read_text().splitlines()) == 4, "both requests are at another model")
    gate.touch()
    assert [deployed.outcome(invoked).body for invoked in requests] == [b"red", b"red"]
    assert Counter(arrivals.read_text().splitlines()).most_common() == [
        (str(killed), 2),
        (str(deployed.serving()[0]["pid"]), 2),
    ]


def test_a_killed_idle_instance_is_replaced_and_the_endpoint_stays_in_service(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    (first,) = deployed.serving()
    seen: set[str] = set()

    def replaced() -> bool:
        seen.add(deployed.describe()["EndpointStatus"])
        instances = deployed.status()["instances"]
        return [item["state"] for item in instances] == ["InService"] and instances[0]["id"] != first["id"]

    kill(deployed)
    until(replaced, "another instance serves")
    assert seen == {"InService"}
    assert deployed.ask({"answer": "red"}).body == b"red"
    local_aws.nothing_is_left_over()


def test_a_poison_request_fails_after_three_instance_deaths(deploy: Any, tmp_path: Path) -> None:
    arrivals = tmp_path / "arrivals"
    deployed: Deployed = deploy(topics=True)
    invoked = deployed.invoke({"touch": str(arrivals), "exit": 9})
    outcome = deployed.outcome(invoked)
    assert outcome.kind == "failure"
    died = "The instance died 3 times while processing the request (the container ended with exit code 9)"
    assert died in outcome.body.decode()
    assert len(set(arrivals.read_text().splitlines())) == 3
    assert deployed.queues["Error"].notification().failure_reason == outcome.body.decode()
    assert deployed.ask({"answer": "next"}).body == b"next"


def test_a_dead_container_is_detected_while_its_child_runs(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    (first,) = deployed.serving()
    child = int(deployed.ask({"leave_child": True}).body)
    assert process_runs(child)
    kill(deployed)
    until(lambda: first["id"] not in [item["id"] for item in deployed.status()["instances"]], "the dead instance is replaced")
    until(lambda: not process_runs(child), "what it started is gone too")
    assert deployed.ask({"answer": "blue"}).body == b"blue"
    local_aws.nothing_is_left_over()


def test_requests_of_a_deleted_endpoint_fail(local_aws: AwsHarness, deploy: Any, tmp_path: Path) -> None:
    arrivals = tmp_path / "arrivals"
    deployed: Deployed = deploy(topics=True, concurrency=2, MODEL_SERVER_WORKERS="2")
    pid = deployed.serving()[0]["pid"]
    requests = [deployed.invoke({"touch": str(arrivals), "until": "/nowhere"}) for _ in range(6)]
    until(lambda: arrivals.exists() and len(arrivals.read_text().splitlines()) == 2, "two requests are at the model")
    deployed.delete()
    outcomes = [deployed.outcome(invoked) for invoked in requests]
    assert {(outcome.kind, outcome.body.decode()) for outcome in outcomes} == {
        ("failure", f"Endpoint {deployed.name} was deleted before the request was processed.")
    }
    notified = [deployed.queues["Error"].notification().inference_id for _ in requests]
    assert sorted(str(one) for one in notified) == sorted(invoked.inference_id for invoked in requests)
    until(lambda: not process_runs(pid), "its container is gone")
    local_aws.nothing_is_left_over()


def test_no_request_is_lost_or_completed_twice_while_instances_are_killed(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy(topics=True, concurrency=8, variant={"InitialInstanceCount": 2}, MODEL_SERVER_WORKERS="8")
    deployed.serving(2)
    count, clients = 300, threading.local()
    sent: dict[str, Any] = {}

    def invoke(number: int) -> None:
        if not hasattr(clients, "runtime"):
            clients.runtime = local_aws.client("sagemaker-runtime")
        name = f"stress-{number}"
        sent[name] = clients.runtime.invoke_endpoint_async(
            EndpointName=deployed.name, Body=name.encode(), InferenceId=name, ContentType="text/plain"
        )

    ended: Counter[str] = Counter()

    def collect() -> bool:
        for queue in deployed.queues.values():
            for body in queue.take():
                notification = parse_notification(body)
                assert notification is not None
                ended[str(notification.inference_id)] += 1
        return len(ended) == count

    with ThreadPoolExecutor(4) as pool:
        submitted = [pool.submit(invoke, number) for number in range(count)]
        for _ in range(3):
            until(lambda: any(item["in_flight"] for item in deployed.status()["instances"]) or collect(), "one is at work")
            kill(deployed)
            before = len(ended)
            until(lambda before=before: collect() or len(ended) >= min(before + 60, count), "some have ended")  # type: ignore[misc]
        for future in submitted:
            future.result()
    until(collect, "every request has ended", 60)
    assert set(ended.values()) == {1}
    outputs, failures = (set(kit_keys(local_aws, deployed.bucket, prefix)) for prefix in ("output/", "failure/"))
    for name, answer in sent.items():
        there = [answer[place].split("/", 3)[3] for place in ("OutputLocation", "FailureLocation")]
        assert ((there[0] in outputs) + (there[1] in failures)) == 1, name
    assert len(outputs) + len(failures) == count
    some = next(iter(outputs))
    body = local_aws.s3.get_object(Bucket=deployed.bucket, Key=some)["Body"].read()
    assert body.decode().startswith("stress-")
    assert (deployed.status()["backlog"], len(deployed.serving(2))) == (0, 2)


def kit_keys(local_aws: AwsHarness, bucket: str, prefix: str) -> list[str]:
    pages = local_aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for page in pages for item in page.get("Contents", ())]


def test_deleting_while_instances_die_loses_nothing(local_aws: AwsHarness, deploy: Any, tmp_path: Path) -> None:
    """A dead instance's request is requeued just as the queue is drained for deletion."""
    for round_ in range(5):
        arrivals = tmp_path / f"arrivals-{round_}"
        deployed: Deployed = deploy(concurrency=4, MODEL_SERVER_WORKERS="4")
        requests = [deployed.invoke({"touch": str(arrivals), "until": "/nowhere"}) for _ in range(4)]
        until(lambda path=arrivals: path.exists() and len(path.read_text().splitlines()) == 4, "all are at the model")  # type: ignore[misc]
        kill(deployed)
        time.sleep(0.002 * round_)  # not to wait for anything: the deletion comes a little later each round
        deployed.delete()
        assert {deployed.outcome(invoked).kind for invoked in requests} == {"failure"}
    local_aws.nothing_is_left_over()


def test_failures_say_what_they_are_in_the_status_document(deploy: Any) -> None:
    deployed: Deployed = deploy()
    status = deployed.status()
    assert json.loads(json.dumps(status)) == status
    (instance,) = status["instances"]
    assert instance == {"id": instance["id"], "state": "InService", "pid": instance["pid"], "in_flight": 0}
    assert (status["status"], status["desired_instances"], status["serving_instances"], status["backlog"]) == (
        "InService",
        1,
        1,
        0,
    )
