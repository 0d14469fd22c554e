"""The subnets of containers in a VPC: addresses for new instances, and a way to Amazon S3.

Each instance has a network interface in one of the subnets (SageMaker guide, "Give SageMaker hosted endpoints access to
resources in your Amazon VPC"), and an update starts new instances beside the old ones. Without a way to S3 a container gets
neither its model nor its input.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.core.text import joined
from async_endpoint.deploy.doctor.findings import Finding, failure, ok, warning
from async_endpoint.deploy.doctor.setup import Setup

ANYWHERE: Final = "0.0.0.0/0"


def network(setup: Setup) -> Iterator[Finding]:
    """That each model's subnets exist, lie in two zones, have free addresses and reach S3."""
    for name, outputs in setup.applied.items():
        aws = setup.session(outputs.region)
        vpc = aws.sagemaker.describe_model(ModelName=outputs.endpoint.model_name).get("VpcConfig") or {}
        if not vpc.get("Subnets"):
            yield ok(f"{name}: a network of SageMaker")
            continue
        yield from of_subnets(aws.client("ec2"), name, outputs, vpc["Subnets"])


def of_subnets(ec2: Any, name: str, outputs: AsyncEndpointOutputs, ids: Sequence[str]) -> Iterator[Finding]:
    """What is well or not of the subnets `ids` of endpoint `name`; `ec2` is boto3's client."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        subnets = ec2.describe_subnets(SubnetIds=list(ids))["Subnets"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidSubnetID.NotFound":
            raise
        yield failure(f"{name}: a subnet of {joined(ids)} does not exist", "name existing subnets, and apply")
        return
    problems = [*_addresses(name, outputs, subnets), *_way_to_s3(ec2, name, outputs.region, subnets)]
    free = sum(subnet["AvailableIpAddressCount"] for subnet in subnets)
    yield from problems or [ok(f"{name}: {free} free addresses in {len(subnets)} subnets, which reach S3")]


def _addresses(name: str, outputs: AsyncEndpointOutputs, subnets: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    free = sum(subnet["AvailableIpAddressCount"] for subnet in subnets)
    most = max([outputs.scaling.max_instances, *(schedule.max_instances for schedule in outputs.scaling.schedules)])
    where = joined([subnet["SubnetId"] for subnet in subnets])
    if free < 1:
        yield failure(f"{name}: {where} have no free address, so no instance starts", "free some, or add a subnet to network")
    elif free < 2 * most:
        yield warning(
            f"{name}: {where} have {free} free addresses; {most} instances and as many new ones of an update take {2 * most}",
            "add a subnet to network, or lower scaling.max_instances",
        )
    if len({subnet["AvailabilityZone"] for subnet in subnets}) < 2:
        yield warning(f"{name}: {where} lie in one availability zone", "add a subnet of another zone to network")


def _way_to_s3(ec2: Any, name: str, region: str, subnets: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """What is wrong: subnets whose route table has neither an S3 endpoint nor a way to the internet."""
    vpc = subnets[0]["VpcId"]
    of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
    services = [f"com.amazonaws.{region}.s3", f"cn.com.amazonaws.{region}.s3"]
    by_service = [*of_vpc, {"Name": "service-name", "Values": services}]
    endpoints = [one for one in ec2.describe_vpc_endpoints(Filters=by_service)["VpcEndpoints"] if _works(one)]
    if any(one["VpcEndpointType"] == "Interface" for one in endpoints):
        return
    tables = ec2.describe_route_tables(Filters=of_vpc)["RouteTables"]
    with_endpoint = {table for one in endpoints for table in one.get("RouteTableIds", ())}
    for subnet in subnets:
        table = _table_of(subnet["SubnetId"], tables)
        if table is None or not (table["RouteTableId"] in with_endpoint or _reaches_internet(table)):
            yield failure(
                f"{name}: subnet {subnet['SubnetId']} has no way to S3: no gateway endpoint in its route table, no NAT",
                f"aws ec2 create-vpc-endpoint --vpc-id {vpc} --service-name com.amazonaws.{region}.s3 --route-table-ids "
                f"{table['RouteTableId'] if table else 'TABLE'}",
            )


def _works(endpoint: Mapping[str, Any]) -> bool:
    return str(endpoint.get("State", "available")).lower() == "available"


def _table_of(subnet: str, tables: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The route table of a subnet: its own, else the main one of the VPC."""
    own = [table for table in tables for one in table["Associations"] if one.get("SubnetId") == subnet]
    main = [table for table in tables for one in table["Associations"] if one.get("Main")]
    return next(iter([*own, *main]), None)


def _reaches_internet(table: Mapping[str, Any]) -> bool:
    ways = ("NatGatewayId", "TransitGatewayId", "NetworkInterfaceId", "InstanceId", "VpcPeeringConnectionId")
    return any(
        route.get("DestinationCidrBlock") == ANYWHERE and route.get("State", "active") == "active" and any(map(route.get, ways))
        for route in table["Routes"]
    )
