"""Probes of updates, each with an endpoint of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from parity.account import Account
from parity.endpoints import Endpoint
from parity.probe import INSTANCE_TYPE, Cost, Need, Observation, check, compare, probe, refused

OWN = [Need.OWN_ENDPOINT]
OTHER_TYPE = "ml.m5.xlarge"
BUSY = "ValidationException: Cannot update in-progress endpoint"


def all_at_once(*alarms: str) -> dict[str, Any]:
    """A DeploymentConfig without waiting times, rolled back by these alarms."""
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    policy = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": 0, "MaximumExecutionTimeoutInSeconds": 3600}
    rollback = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]}} if alarms else {}
    return {"BlueGreenUpdatePolicy": policy, **rollback}


@probe(
    "A22",
    "A159",
    needs=OWN,
    seconds=1500,
    cost=Cost({INSTANCE_TYPE: 15}, requests=60),
    deviation="UpdateEndpoint accepts an update although the current configuration is gone",
)
def configuration_in_use_is_deleted(aws: Account) -> Iterator[Observation]:
    """A configuration in use can be deleted and its endpoint serves; afterwards only UpdateEndpoint is refused."""
    endpoint, other = aws.make_endpoint("unconfigured"), aws.make_config()
    deleted = aws.attempt(aws.sagemaker.delete_endpoint_config, EndpointConfigName=endpoint.config)
    answered = endpoint.outcome(endpoint.invoke({"a": 1})).kind
    yield compare("A159", expected=("accepted", "output"), observed=(deleted, answered))
    answer = aws.attempt(aws.sagemaker.update_endpoint, EndpointName=endpoint.name, EndpointConfigName=other)
    words = "Could not find endpoint configuration"
    yield check("A22", words in answer, expected=f"… {words}", observed=answer)
    scaled = aws.attempt(
        aws.sagemaker.update_endpoint_weights_and_capacities,
        EndpointName=endpoint.name,
        DesiredWeightsAndCapacities=[{"VariantName": "primary", "DesiredInstanceCount": 0}],
    )
    yield compare("A22", expected="accepted", observed=scaled)


@probe(
    "A168",
    "A167",
    "A158",
    "A122",
    "A41",
    "A80",
    "A81",
    needs=OWN,
    seconds=7200,
    cost=Cost({INSTANCE_TYPE: 60}, requests=120, peak=4),
    deviation="UpdateEndpoint keeps the instance count that scaling had set",
)
def updates_of_a_scaled_endpoint(aws: Account) -> Iterator[Observation]:
    """An update resets the instance count, which RetainAllVariantProperties keeps, and needs the target deregistered."""
    endpoint, other = aws.make_endpoint("updated"), aws.make_config()
    yield from refused_deployments(aws, endpoint, other)
    endpoint.scale(0)
    endpoint.register(0, 2)
    bigger = aws.make_config(InstanceType=OTHER_TYPE)
    call = aws.sagemaker.update_endpoint
    answer = aws.attempt(call, EndpointName=endpoint.name, EndpointConfigName=bigger)
    yield refused("A168", "ValidationException", answer)
    yield compare("A168", expected="InService", observed=endpoint.status())
    aws.scaling.deregister_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId=endpoint.resource_id,
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
    )
    endpoint.until_status("InService")
    endpoint.update(other)
    seen = aws.attempt(aws.sagemaker.delete_endpoint, EndpointName=endpoint.name)
    during = aws.attempt(endpoint.invoke, orders={"a": 1})
    updating = endpoint.status()
    yield check(
        "A158", seen.startswith(BUSY) and updating == "Updating", expected=f"{BUSY}, Updating", observed=(seen, updating)
    )
    yield compare("A122", expected=("accepted", "Updating"), observed=(during, updating))
    endpoint.until_status("InService")
    yield compare("A167", expected=(other, 1), observed=(endpoint.describe()["EndpointConfigName"], endpoint.instances()))
    endpoint.scale(2)
    more = {"DeploymentConfig": all_at_once(), "RetainAllVariantProperties": True}
    again = aws.attempt(call, EndpointName=endpoint.name, EndpointConfigName=other, **more)
    endpoint.until_status("InService")
    yield compare("A41", expected=("accepted", 2), observed=(again, endpoint.instances()))


def refused_deployments(aws: Account, endpoint: Endpoint, config: str) -> Iterator[Observation]:
    """Waits that exceed the maximum, and steps that are less than an instance, are refused at once."""
    one = {"Type": "INSTANCE_COUNT", "Value": 1}
    routings = {
        "A80": ({"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 300}, 400),
        "A81": ({"Type": "CANARY", "WaitIntervalInSeconds": 0, "CanarySize": one}, 0),
    }
    for number, (routing, termination) in routings.items():
        policy = {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": termination,
            "MaximumExecutionTimeoutInSeconds": 600,
        }
        request = {"EndpointName": endpoint.name, "EndpointConfigName": config}
        call, deployment = aws.sagemaker.update_endpoint, {"BlueGreenUpdatePolicy": policy}
        yield refused(number, "ValidationException", aws.attempt(call, **request, DeploymentConfig=deployment))
        endpoint.until_status("InService")


def failing_update(aws: Account, endpoint: Endpoint, alarm: str) -> tuple[list[str], dict[str, Any]]:
    """(the states that an update with this rollback alarm shows, the description at its end)."""
    endpoint.update(aws.make_config(endpoint_model(endpoint)), DeploymentConfig=all_at_once(alarm))
    states: list[str] = []

    def ended() -> dict[str, Any] | None:
        seen = endpoint.describe()
        if not states or states[-1] != seen["EndpointStatus"]:
            states.append(seen["EndpointStatus"])
        return seen if states[-1] not in ("Updating", "RollingBack", "SystemUpdating") else None

    return states, aws.until(ended, f"the update of {endpoint.name} ends", 3900)


def endpoint_model(endpoint: Endpoint) -> str:
    """The name of the model that the endpoint was created with."""
    variants = endpoint.aws.sagemaker.describe_endpoint_config(EndpointConfigName=endpoint.config)["ProductionVariants"]
    return str(variants[0]["ModelName"])


@probe(
    "A163",
    "A162",
    "A166",
    "A115",
    needs=OWN,
    seconds=5400,
    cost=Cost({INSTANCE_TYPE: 40}, requests=120, metrics=1),
    deviation="an alarm that was in ALARM before the update does not roll it back",
)
def update_with_an_alarm_in_alarm(aws: Account) -> Iterator[Observation]:
    """An update whose rollback alarm is in ALARM, or may not be described, leaves the old configuration in service."""
    role = aws.make_role()
    endpoint = aws.make_endpoint("guarded", config=aws.make_config(aws.make_model(ExecutionRoleArn=role)))
    alarm = aws.name("alarm")
    aws.cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        Namespace=aws.guard.prefix,
        MetricName="probe",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )
    states, seen = failing_update(aws, endpoint, alarm)
    observed = (states[-1], seen["EndpointConfigName"] == endpoint.config, bool(seen.get("FailureReason")))
    yield compare("A163", expected=("InService", True, True), observed=observed)
    if seen["EndpointConfigName"] != endpoint.config:
        endpoint.config = seen["EndpointConfigName"]
    allow = {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    aws.iam.put_role_policy(RoleName=role.rpartition("/")[2], PolicyName="alarms", PolicyDocument=document)
    aws.elapse(120)
    aws.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="set by a parity probe")
    states, seen = failing_update(aws, endpoint, alarm)
    kept = seen["EndpointConfigName"] == endpoint.config
    yield compare("A162", expected=("InService", True), observed=(states[-1], kept))
    holds = set(states) <= {"Updating", "RollingBack", "InService"} and kept and bool(seen.get("FailureReason"))
    yield check("A166", holds, expected="RollingBack, InService, a FailureReason", observed=(states, seen.get("FailureReason")))
    fresh = aws.make_config(endpoint_model(endpoint))
    endpoint.update(fresh, DeploymentConfig=all_at_once())
    seen = endpoint.until_status("InService")
    yield compare("A115", expected=fresh, observed=seen["EndpointConfigName"])


@probe(
    "A42",
    needs=OWN,
    seconds=3600,
    cost=Cost({INSTANCE_TYPE: 20}, requests=60),
    deviation="a Failed endpoint accepts an update",
)
def endpoint_that_fails(aws: Account) -> Iterator[Observation]:
    """An endpoint whose archive cannot be read fails, and then accepts nothing but its deletion."""
    aws.s3.put_object(Bucket=aws.bucket, Key="broken/model.tar.gz", Body=b"no archive")
    container = {"Image": aws.image, "ModelDataUrl": f"s3://{aws.bucket}/broken/model.tar.gz"}
    endpoint = aws.make_endpoint("broken", config=aws.make_config(aws.make_model(PrimaryContainer=container)), wait=False)
    aws.until(lambda: endpoint.status() == "Failed", f"{endpoint.name} is Failed", 3000)
    call = aws.sagemaker.update_endpoint
    yield refused(
        "A42", "ValidationException", aws.attempt(call, EndpointName=endpoint.name, EndpointConfigName=aws.make_config())
    )
    yield refused("A42", "ValidationError", aws.attempt(endpoint.invoke, orders={"a": 1}))
    deletion = aws.attempt(aws.sagemaker.delete_endpoint, EndpointName=endpoint.name)
    yield compare("A42", expected="accepted", observed=deletion)


@probe(
    "A122",
    "A158",
    "A143",
    "A139",
    needs=OWN,
    seconds=3600,
    cost=Cost({INSTANCE_TYPE: 20}, requests=80),
    deviation="the requests of a deleted endpoint end without any object",
)
def life_of_an_endpoint(aws: Account) -> Iterator[Observation]:
    """An endpoint of a one-element Containers list refuses calls until it serves; its deletion fails what still waits."""
    containers = [{"Image": aws.image, "ModelDataUrl": aws.archive}]
    assert aws.model  # the role has reached SageMaker
    model = aws.name("model")
    created = aws.attempt(aws.sagemaker.create_model, ModelName=model, ExecutionRoleArn=aws.role, Containers=containers)
    yield compare("A143", expected="accepted", observed=created)
    if created != "accepted":
        return
    endpoint = aws.make_endpoint("listed", config=aws.make_config(model), wait=False)
    early = aws.attempt(endpoint.invoke, orders={"a": 1})
    if endpoint.status() == "Creating":
        deletion = aws.attempt(aws.sagemaker.delete_endpoint, EndpointName=endpoint.name)
        yield check("A158", deletion.startswith(BUSY), expected=BUSY, observed=deletion)
        yield check("A122", not_served(early), expected="ValidationError: … not in service", observed=f"Creating: {early}")
    endpoint.until_status("InService")
    outcome = endpoint.outcome(endpoint.invoke({"number": 1}))
    yield compare("A143", expected=("output", b'{"number": 1}'), observed=(outcome.kind, outcome.body))
    endpoint.scale(0)
    waiting = endpoint.invoke({"number": 2})
    aws.sagemaker.delete_endpoint(EndpointName=endpoint.name)
    late = aws.attempt(endpoint.invoke, orders={"a": 1})
    yield check("A122", not_served(late), expected="ValidationError: … not found", observed=f"Deleting: {late}")
    ended = aws.within(lambda: endpoint.seen(waiting), 1800)
    yield compare("A139", expected="failure", observed=ended.kind if ended else "no object within 30 minutes")


def not_served(answer: str) -> bool:
    return answer.startswith("ValidationError") and re.search("not found|not in service", answer, re.IGNORECASE) is not None


@probe(
    "A21",
    "A20",
    needs=OWN,
    seconds=7200,
    cost=Cost({INSTANCE_TYPE: 30}, requests=150),
    deviation="an instance starts although its archive is gone",
)
def endpoint_without_archive_and_role(aws: Account) -> Iterator[Observation]:
    """A later instance needs the archive, and an endpoint without its role is deleted."""
    role, key = aws.make_role(), "bereft/model.tar.gz"
    aws.s3.copy_object(Bucket=aws.bucket, Key=key, CopySource={"Bucket": aws.bucket, "Key": aws.archive.split("/", 3)[3]})
    container = {"Image": aws.image, "ModelDataUrl": f"s3://{aws.bucket}/{key}"}
    model = aws.make_model(PrimaryContainer=container, ExecutionRoleArn=role)
    endpoint = aws.make_endpoint("bereft", config=aws.make_config(model))
    endpoint.scale(0)
    archive = aws.s3.get_object(Bucket=aws.bucket, Key=key)["Body"].read()
    aws.s3.delete_object(Bucket=aws.bucket, Key=key)
    wanted = [{"VariantName": "primary", "DesiredInstanceCount": 1}]
    aws.sagemaker.update_endpoint_weights_and_capacities(EndpointName=endpoint.name, DesiredWeightsAndCapacities=wanted)
    aws.elapse(900)
    yield compare("A21", expected=0, observed=endpoint.instances())
    aws.s3.put_object(Bucket=aws.bucket, Key=key, Body=archive)
    aws.until(lambda: endpoint.status() != "Updating", f"{endpoint.name} is not Updating", 3000)
    name, iam = role.rpartition("/")[2], aws.unguarded("iam")
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    nobody = {**trust, "Statement": [{**trust["Statement"][0], "Effect": "Deny"}]}
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(nobody))
    try:  # restored in every case: without its role SageMaker may not remove the endpoint
        aws.elapse(120)
        aws.sagemaker.delete_endpoint(EndpointName=endpoint.name)
        aws.elapse(900)
        yield compare("A20", expected="absent", observed=endpoint.status())
    finally:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    aws.until(lambda: endpoint.status() == "absent", f"{endpoint.name} is gone", 3600)
