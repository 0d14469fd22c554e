"""UpdateEndpoint and UpdateEndpointWeightsAndCapacities: changes, uninterrupted service, rollbacks."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from async_endpoint.emulator.hosting import rollout
from support.common import refusal, until
from support.deployed_endpoint import Deployed
from support.in_process_aws import DIMENSION, AwsHarness
from support.sample_model import archive


def another(
    local_aws: AwsHarness, deployed: Deployed, model_archive: bytes | None = None, environment: Any = None, **variant: Any
) -> str:
    """A second configuration for an endpoint, with a model of its own."""
    model = local_aws.model(deployed.bucket, deployed.role, model_archive, **(environment or {}))
    return local_aws.config(model, deployed.bucket, topics=deployed.topics, **variant)


def update(local_aws: AwsHarness, deployed: Deployed, config: str) -> None:
    local_aws.sagemaker.update_endpoint(EndpointName=deployed.name, EndpointConfigName=config)


def test_queued_requests_survive_an_update_and_are_served_by_the_new_configuration(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy(topics=True, VERSION="old").asleep()
    for queue in deployed.queues.values():
        assert any("TestNotification" in body for body in until(queue.take, "scaling announces itself"))
    waiting = [deployed.invoke({}) for _ in range(5)]
    new = another(local_aws, deployed, environment={"VERSION": "new"})
    update(local_aws, deployed, new)
    during = deployed.invoke({})
    described = deployed.until_status("InService")
    assert (described["EndpointConfigName"], "FailureReason" in described) == (new, False)
    for invoked in (*waiting, during):
        assert deployed.outcome(invoked).document["environment"]["VERSION"] == "new"
    assert deployed.local_aws.sagemaker.delete_endpoint_config(EndpointConfigName=deployed.config), "nothing uses the old one"
    for queue in deployed.queues.values():
        assert any("TestNotification" in body for body in until(queue.take, "an update announces itself"))


def test_the_old_instance_drains_during_an_update(local_aws: AwsHarness, deploy: Any, tmp_path: Path) -> None:
    gate = tmp_path / "open"
    deployed: Deployed = deploy(VERSION="old")
    (old,) = deployed.serving()
    slow = deployed.invoke({"until": str(gate)})
    until(lambda: deployed.status()["instances"][0]["in_flight"] == 1, "it is in process")
    update(local_aws, deployed, another(local_aws, deployed, environment={"VERSION": "new"}))
    deployed.until_status("InService")
    assert deployed.ask({}).document["environment"]["VERSION"] == "new"
    assert {item["id"]: item["state"] for item in deployed.status()["instances"]}[old["id"]] == "Draining"
    gate.touch()
    assert deployed.outcome(slow).document["environment"]["VERSION"] == "old"
    until(lambda: old["id"] not in [item["id"] for item in deployed.status()["instances"]], "the old instance has gone")


def test_requests_are_served_throughout_an_update(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy(VERSION="old")
    update(local_aws, deployed, another(local_aws, deployed, environment={"VERSION": "new"}))
    answers = []
    while deployed.describe()["EndpointStatus"] == "Updating":
        answers.append(deployed.ask({}))
    answers.append(deployed.ask({}))
    assert {answer.kind for answer in answers} == {"output"}
    assert answers[-1].document["environment"]["VERSION"] == "new"


def test_a_failing_update_rolls_back_and_the_old_configuration_keeps_serving(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    broken = another(local_aws, deployed, archive("import os\ndef model_fn(d): os._exit(7)\n"))
    update(local_aws, deployed, broken)
    described = deployed.until_status("InService")
    assert described["EndpointConfigName"] == deployed.config
    assert "exit code 7" in described["FailureReason"]
    assert deployed.ask({"answer": "still"}).body == b"still"
    assert len(deployed.serving()) == 1
    local_aws.sagemaker.delete_endpoint_config(EndpointConfigName=broken)
    working = another(local_aws, deployed)
    update(local_aws, deployed, working)
    described = deployed.until_status("InService")
    assert (described["EndpointConfigName"], "FailureReason" in described) == (working, False)


def test_a_role_that_lost_a_permission_rolls_an_update_back(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    new = another(local_aws, deployed)
    deployed.role.allow(deployed.bucket, without=["pull"])
    update(local_aws, deployed, new)
    assert "BatchCheckLayerAvailability" in deployed.until_status("InService")["FailureReason"]
    assert deployed.describe()["EndpointConfigName"] == deployed.config


def test_a_second_update_is_refused_during_an_update(local_aws: AwsHarness, deploy: Any, tmp_path: Path) -> None:
    gate = tmp_path / "open"
    code = f"import os, time\ndef model_fn(d):\n    while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
    deployed: Deployed = deploy()
    new = another(local_aws, deployed, archive(code))
    update(local_aws, deployed, new)
    assert deployed.describe()["EndpointStatus"] == "Updating"
    code_, message = refusal(
        local_aws.sagemaker.update_endpoint, EndpointName=deployed.name, EndpointConfigName=deployed.config
    )
    assert (code_, "Cannot update in-progress endpoint" in message) == ("ValidationException", True)
    capacities = {"DesiredWeightsAndCapacities": [{"VariantName": "primary", "DesiredInstanceCount": 2}]}
    assert (
        "in-progress"
        in refusal(local_aws.sagemaker.update_endpoint_weights_and_capacities, EndpointName=deployed.name, **capacities)[1]
    )
    gate.touch()
    assert deployed.until_status("InService")["EndpointConfigName"] == new


def test_one_of_many_concurrent_updates_is_accepted_and_no_instance_is_left_over(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    configs = [another(local_aws, deployed) for _ in range(6)]
    clients = [local_aws.client("sagemaker") for _ in configs]

    def attempt(client: Any, config: str) -> str | None:
        try:
            client.update_endpoint(EndpointName=deployed.name, EndpointConfigName=config)
        except ClientError:
            return None
        return config

    with ThreadPoolExecutor(len(configs)) as pool:
        taken = [config for config in pool.map(attempt, clients, configs) if config]
    assert len(taken) == 1
    assert deployed.until_status("InService")["EndpointConfigName"] == taken[0]
    deployed.serving(1)
    local_aws.nothing_is_left_over()


def test_the_instance_type_cannot_change_while_a_scalable_target_is_registered(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    target = {"ServiceNamespace": "sagemaker", "ResourceId": deployed.resource_id, "ScalableDimension": DIMENSION}
    local_aws.scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    larger = another(local_aws, deployed, InstanceType="ml.m5.xlarge")
    code, message = refusal(local_aws.sagemaker.update_endpoint, EndpointName=deployed.name, EndpointConfigName=larger)
    assert (code, "deregister" in message) == ("ValidationException", True)
    update(local_aws, deployed, another(local_aws, deployed))
    deployed.until_status("InService")
    local_aws.scaling.deregister_scalable_target(**target)
    update(local_aws, deployed, larger)
    assert deployed.until_status("InService")["EndpointConfigName"] == larger


def test_an_update_resets_the_instance_count(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    deployed.scale(2)
    deployed.serving(2)
    deployed.until_status("InService")
    update(local_aws, deployed, another(local_aws, deployed))
    (variant,) = deployed.until_status("InService")["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 1)


def test_update_weights_and_capacities_changes_the_instance_count(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    deployed.scale(3)
    assert deployed.describe()["EndpointStatus"] == "Updating"
    assert deployed.describe()["ProductionVariants"][0]["DesiredInstanceCount"] == 3
    assert deployed.until_status("InService")["ProductionVariants"][0]["CurrentInstanceCount"] == 3
    deployed.scale(0)
    described = deployed.until_status("InService")
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 0
    assert deployed.status()["instances"] == []
    waiting = deployed.invoke({"answer": "red"})
    deployed.scale(1)
    assert deployed.outcome(waiting).body == b"red"


def test_capacities_of_an_unknown_variant_or_negative_ones_are_refused(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    unchecked = local_aws.client("sagemaker", parameter_validation=False)
    for wanted in ({"VariantName": "none", "DesiredInstanceCount": 1}, {"VariantName": "primary", "DesiredInstanceCount": -1}):
        code, _ = refusal(
            unchecked.update_endpoint_weights_and_capacities, EndpointName=deployed.name, DesiredWeightsAndCapacities=[wanted]
        )
        assert code == "ValidationException"
    assert deployed.describe()["EndpointStatus"] == "InService"


@pytest.mark.parametrize("count", [1, 3])
def test_an_instance_gets_the_configured_number_of_concurrent_requests(deploy: Any, tmp_path: Path, count: int) -> None:
    gate, arrivals = tmp_path / "open", tmp_path / "arrivals"
    deployed: Deployed = deploy(concurrency=count, MODEL_SERVER_WORKERS=str(count + 2))
    orders = {"touch": str(arrivals), "until": str(gate)}
    requests = [deployed.invoke(orders) for _ in range(count + 2)]
    until(lambda: arrivals.exists() and len(arrivals.read_text().splitlines()) == count, f"{count} requests are at the model")
    assert (deployed.status()["backlog"], deployed.status()["instances"][0]["in_flight"]) == (count + 2, count)
    gate.touch()
    together = [deployed.outcome(invoked).document["together"] for invoked in requests]
    assert max(together) == count


def test_model_server_workers_bound_parallelism_in_the_model(deploy: Any, tmp_path: Path) -> None:
    gate = tmp_path / "open"
    deployed: Deployed = deploy(concurrency=4, MODEL_SERVER_WORKERS="2")
    requests = [deployed.invoke({"until": str(gate)}) for _ in range(4)]
    until(lambda: deployed.status()["instances"][0]["in_flight"] == 4, "four requests are at the instance")
    gate.touch()
    assert max(deployed.outcome(invoked).document["together"] for invoked in requests) <= 2


BROKEN = "def model_fn(d): raise RuntimeError('torn')\n"


def test_a_rollback_is_observable_while_the_old_configuration_serves(
    local_aws: AwsHarness, deploy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollout, "MIN_ROLLBACK_SECONDS", 3_000)  # five seconds of this test's time
    deployed: Deployed = deploy(VERSION="old")
    update(local_aws, deployed, another(local_aws, deployed, archive(BROKEN)))
    during = deployed.until_status("RollingBack")
    assert during["EndpointConfigName"] == deployed.config
    assert deployed.ask({}).document["environment"]["VERSION"] == "old"
    described = deployed.until_status("InService")
    assert described["EndpointConfigName"] == deployed.config
    assert "did not pass the ping health check" in described["FailureReason"]


def test_a_rollback_that_loses_an_instance_fails_and_an_update_recovers_it(
    local_aws: AwsHarness, deploy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollout, "MIN_ROLLBACK_SECONDS", 600_000)  # until something happens
    deployed: Deployed = deploy()
    (old,) = deployed.serving()
    update(local_aws, deployed, another(local_aws, deployed, archive(BROKEN)))
    deployed.until_status("RollingBack")
    os.kill(old["pid"], signal.SIGKILL)
    described = deployed.until_status("UpdateRollbackFailed")
    assert described["EndpointConfigName"] == deployed.config
    assert deployed.ask({"answer": "served all the same"}).body == b"served all the same"
    fixed = another(local_aws, deployed, environment={"VERSION": "fixed"})
    update(local_aws, deployed, fixed)
    described = deployed.until_status("InService")
    assert (described["EndpointConfigName"], "FailureReason" in described) == (fixed, False)
