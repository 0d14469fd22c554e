"""What the execution role must be allowed before instances of its model are launched, and until their endpoint is deleted.

Sources: SageMaker developer guide, "CreateModel API: Execution Role Permissions" for images and VPC, "Use a private Docker
registry" for the Lambda function, "Auto-Rollback Configuration and Monitoring" for alarms; KMS developer guide for grants.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.hosting.execution_role import AccessDenied, AssumedRole
from async_endpoint.emulator.hosting.model_spec import ContainerSource, VpcConfig
from async_endpoint.emulator.record import ACCOUNT_ID

_ECR_IMAGE = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[^:@]+)")
_DESCRIBED = ("DhcpOptions", "NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs")
_ON_INTERFACES = ("CreateNetworkInterfacePermission", "DeleteNetworkInterface", "DeleteNetworkInterfacePermission")


def pull(role: AssumedRole, source: ContainerSource) -> None:
    """Raise AccessDenied unless the role may pull the image from ECR, or ask for the login to a private registry."""
    if source.private_registry:
        if source.registry_function:
            role.check("lambda:InvokeFunction", source.registry_function)
        return
    match = _ECR_IMAGE.match(source.image)
    if match is None:  # images elsewhere need no permission
        return
    repository = f"arn:aws:ecr:{match['region']}:{match['account']}:repository/{match['repository']}"
    wanted = {"GetAuthorizationToken": "*"} | dict.fromkeys(
        ("BatchCheckLayerAvailability", "GetDownloadUrlForLayer", "BatchGetImage"), repository
    )
    for action, resource in wanted.items():
        if not role.verdict(f"ecr:{action}", resource).allowed:
            raise AccessDenied(f"The role '{role.arn}' does not have {action} permission for the image: '{source.image}'.")


def attach(role: AssumedRole, vpc: VpcConfig) -> None:
    """Raise AccessDenied unless the role may create network interfaces in the VPC; ResourceNotFound for what EC2 lacks."""
    moto_backends.check_network(role.region, vpc.subnets, vpc.security_groups)
    ec2 = f"arn:aws:ec2:{role.region}:{ACCOUNT_ID}:"
    for what in _DESCRIBED:
        role.check(f"ec2:Describe{what}", "*")
    for name in vpc.subnets:
        subnet = f"{ec2}subnet/{name}"
        groups = [f"{ec2}security-group/{group}" for group in vpc.security_groups]
        for resource in (f"{ec2}network-interface/*", subnet, *groups):
            role.check("ec2:CreateNetworkInterface", resource, context={"ec2:Subnet": subnet})
        for action in _ON_INTERFACES:
            role.check(f"ec2:{action}", f"{ec2}network-interface/*", context={"ec2:Subnet": subnet})


def detach(role: AssumedRole, subnets: Iterable[str]) -> None:
    """Raise AccessDenied unless the role may delete network interfaces of these subnets; ResourceNotFound without the role."""
    for name in subnets:
        subnet = f"arn:aws:ec2:{role.region}:{ACCOUNT_ID}:subnet/{name}"
        for action in _ON_INTERFACES[1:]:
            resource = f"arn:aws:ec2:{role.region}:{ACCOUNT_ID}:network-interface/*"
            role.check(f"ec2:{action}", resource, context={"ec2:Subnet": subnet})


def encrypt_volumes(role: AssumedRole, kms_key: str) -> None:
    """Raise AccessDenied unless the role may let the instances' volumes use the key of the endpoint configuration."""
    role.check_key("kms:CreateGrant", kms_key, "sagemaker", {"kms:GrantIsForAWSResource": "true"})


def watch(role: AssumedRole, alarms: Iterable[str]) -> None:
    """Raise AccessDenied unless the role may look at the alarms that roll an update back."""
    for name in alarms:
        role.check("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{role.region}:{ACCOUNT_ID}:alarm:{name}")
