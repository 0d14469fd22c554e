"""Probes of network interfaces, and the network that they and others use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from parity.account import Account
from parity.probe import INSTANCE_TYPE, Cost, Need, Observation, check, compare, probe

# SageMaker developer guide, "CreateModel API: Execution Role Permissions", for a model in a VPC.
VPC_ACTIONS = [
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeVpcs",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeSubnets",
    "ec2:DescribeSecurityGroups",
]


class Network(NamedTuple):
    """Ids of a VPC of the run with one subnet, whose way to S3 is a gateway endpoint."""

    vpc: str
    subnet: str
    group: str


def network(aws: Account) -> Network:
    """The shared network; it costs nothing."""

    def make() -> Network:
        vpc = aws.ec2.create_vpc(CidrBlock="10.71.0.0/24")["Vpc"]["VpcId"]

        def visible() -> list[dict[str, Any]]:
            """The route tables of the VPC, which calls may not see right after its creation (EC2, eventual consistency)."""
            filters = [{"Name": "vpc-id", "Values": [vpc]}]
            found: list[dict[str, Any]] = aws.ec2.describe_route_tables(Filters=filters)["RouteTables"]
            return found

        tables = aws.until(visible, f"the route table of {vpc}", 60)
        aws.until(lambda: aws.attempt(aws.ec2.describe_vpcs, VpcIds=[vpc]) == "accepted", f"{vpc} is seen by DescribeVpcs", 60)
        subnet = aws.ec2.create_subnet(VpcId=vpc, CidrBlock="10.71.0.0/26")["Subnet"]["SubnetId"]
        group = aws.ec2.create_security_group(VpcId=vpc, GroupName=aws.name("group"), Description="parity probe")["GroupId"]
        service = f"com.amazonaws.{aws.region}.s3"
        routes = [item["RouteTableId"] for item in tables]
        aws.ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=service, VpcEndpointType="Gateway", RouteTableIds=routes)
        return Network(vpc, subnet, group)

    return aws.shared("network", make)


def vpc_role(aws: Account) -> str:
    """The ARN of the shared execution role of models in a VPC, once SageMaker accepts it."""

    def make() -> str:
        role = aws.make_role()
        statement = {"Effect": "Allow", "Action": VPC_ACTIONS, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        aws.iam.put_role_policy(RoleName=role.rpartition("/")[2], PolicyName="network", PolicyDocument=document)
        inside = {"Subnets": [network(aws).subnet], "SecurityGroupIds": [network(aws).group]}
        aws.make_model(ExecutionRoleArn=role, VpcConfig=inside)
        return role

    return aws.shared("role of models in a VPC", make)


@probe(
    "A23",
    "A40",
    needs=[Need.OWN_ENDPOINT],
    seconds=4000,
    cost=Cost({INSTANCE_TYPE: 12}, requests=80),
    deviation="the description of an interface does not name its endpoint",
)
def interfaces_of_an_endpoint(aws: Account) -> Iterator[Observation]:
    """An instance in a VPC has one interface in each subnet, which names endpoint and instance, and outlives both."""
    made = network(aws)
    model = aws.make_model(
        ExecutionRoleArn=vpc_role(aws), VpcConfig={"Subnets": [made.subnet], "SecurityGroupIds": [made.group]}
    )
    endpoint = aws.make_endpoint("inside", config=aws.make_config(model))

    def interfaces() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = aws.ec2.describe_network_interfaces(
            Filters=[{"Name": "group-id", "Values": [made.group]}, {"Name": "subnet-id", "Values": [made.subnet]}]
        )["NetworkInterfaces"]
        return found

    seen = interfaces()
    described = [item["Description"] for item in seen]
    yield check(
        "A40", bool(seen) and all(endpoint.name in text for text in described), expected=endpoint.name, observed=described
    )
    expected = f"Amazon SageMaker endpoint {endpoint.name} instance i-"
    whole = len(seen) == 1 and described[0].startswith(expected) and seen[0].get("RequesterManaged", False)
    yield check("A23", whole, expected=f"one, managed by its requester: {expected}…", observed=described)
    aws.sagemaker.delete_endpoint(EndpointName=endpoint.name)
    aws.until(lambda: endpoint.status() == "absent", f"{endpoint.name} is gone", 1800)
    outlived = bool(interfaces())
    removed = aws.within(lambda: not interfaces(), 900) is not None
    yield compare(
        "A23",
        expected=("outlives its endpoint", "removed"),
        observed=("outlives its endpoint" if outlived else "gone", "removed" if removed else "still there after 15 minutes"),
    )
