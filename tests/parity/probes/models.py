"""Probes of CreateModel; a model costs nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from parity.account import Account
from parity.probe import Cost, Observation, compare, probe, refused
from parity.probes.network import network, vpc_role


def create(aws: Account, role: str, url: str = "", **more: Any) -> str:
    """`accepted`, or the code and message that CreateModel refuses a model with."""
    container = {"Image": aws.image, "ModelDataUrl": url or aws.archive}
    return aws.attempt(
        aws.sagemaker.create_model, ModelName=aws.name("model"), ExecutionRoleArn=role, PrimaryContainer=container, **more
    )


@probe("A144", seconds=120, cost=Cost(requests=8), deviation="CreateModel accepts a role that does not exist")
def model_with_an_absent_role(aws: Account) -> Iterator[Observation]:
    """CreateModel refuses an execution role that does not exist."""
    assert aws.model  # nothing but the role is wrong
    absent = f"arn:{aws.partition}:iam::{aws.id}:role/{aws.name('absent')}"
    yield refused("A144", "ValidationException", create(aws, absent))


@probe("A144", seconds=120, cost=Cost(requests=8), deviation="CreateModel accepts model data that does not exist")
def model_with_absent_data(aws: Account) -> Iterator[Observation]:
    """CreateModel refuses model data that does not exist, with a role that may read it."""
    assert aws.model  # the role has reached SageMaker
    answer = create(aws, aws.role, f"s3://{aws.bucket}/absent/model.tar.gz")
    yield refused("A144", "ValidationException", answer)


@probe("A144", seconds=400, cost=Cost(requests=20), deviation="CreateModel accepts model data that the role may not read")
def model_with_unreadable_data(aws: Account) -> Iterator[Observation]:
    """CreateModel refuses model data once the role may no longer read it."""
    role = aws.make_role()
    assert aws.make_model(ExecutionRoleArn=role)
    deny = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"arn:{aws.partition}:s3:::{aws.bucket}/*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    aws.iam.put_role_policy(RoleName=role.rpartition("/")[2], PolicyName="deny", PolicyDocument=document)
    seen = aws.within(lambda: answer if (answer := create(aws, role)) != "accepted" else None, 180)
    yield refused("A144", "ValidationException", seen or "accepted for three minutes")


@probe("A144", seconds=180, cost=Cost(requests=12), deviation="CreateModel accepts a subnet that does not exist")
def model_in_an_absent_subnet(aws: Account) -> Iterator[Observation]:
    """CreateModel refuses a subnet that does not exist, with a role that may describe subnets."""
    vpc = {"Subnets": ["subnet-0123456789abcdef0"], "SecurityGroupIds": [network(aws).group]}
    yield refused("A144", "ValidationException", create(aws, vpc_role(aws), VpcConfig=vpc))


@probe(
    "A145", seconds=180, cost=Cost(requests=12), deviation="CreateModel accepts a VPC with a role without permissions on EC2"
)
def model_in_a_vpc_without_permissions(aws: Account) -> Iterator[Observation]:
    """CreateModel refuses a VPC when the role has no permissions on network interfaces, and accepts it when it has."""
    assert aws.model  # the role has reached SageMaker
    vpc = {"Subnets": [network(aws).subnet], "SecurityGroupIds": [network(aws).group]}
    yield refused("A145", "ValidationException", create(aws, aws.role, VpcConfig=vpc))
    yield compare("A145", expected="accepted", observed=create(aws, vpc_role(aws), VpcConfig=vpc))


@probe("A95", seconds=400, cost=Cost(requests=20), deviation="CreateModel reads the data although the boundary allows nothing")
def model_with_a_bounded_role(aws: Account) -> Iterator[Observation]:
    """CreateModel refuses model data once a permissions boundary keeps the role from reading it."""
    role = aws.make_role()
    assert aws.make_model(ExecutionRoleArn=role)
    allow = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    boundary = aws.iam.create_policy(PolicyName=aws.name("boundary"), PolicyDocument=document)["Policy"]["Arn"]
    aws.iam.put_role_permissions_boundary(RoleName=role.rpartition("/")[2], PermissionsBoundary=boundary)
    seen = aws.within(lambda: answer if (answer := create(aws, role)) != "accepted" else None, 180)
    yield refused("A95", "ValidationException", seen or "accepted for three minutes")
