"""An endpoint in a VPC, for tests of what holds that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from support.common import refusal
from support.deployed_endpoint import Deployed
from support.in_process_aws import IMAGE, AwsHarness

INTERFACES = ["ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission", "ec2:Describe*"]
REMOVAL = ["ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"]


@dataclass
class Network:
    """Two subnets and a security group, and an endpoint in them."""

    local_aws: AwsHarness
    subnets: list[str]
    group: str
    deployed: Deployed

    def allow(self, *actions: str) -> None:
        self.deployed.role.allow(
            self.deployed.bucket, more=[{"Effect": "Allow", "Action": list(actions), "Resource": "*"}] if actions else []
        )

    def interfaces(self) -> list[dict[str, Any]]:
        wanted = [{"Name": "group-id", "Values": [self.group]}, {"Name": "requester-managed", "Values": ["true"]}]
        found: list[dict[str, Any]] = self.local_aws.ec2.describe_network_interfaces(Filters=wanted)["NetworkInterfaces"]
        return found

    def refusals(self) -> tuple[str, str]:
        group = refusal(self.local_aws.ec2.delete_security_group, GroupId=self.group)[0]
        return group, refusal(self.local_aws.ec2.delete_subnet, SubnetId=self.subnets[-1])[0]

    def delete(self) -> None:
        self.local_aws.ec2.delete_security_group(GroupId=self.group)
        for subnet in self.subnets:
            self.local_aws.ec2.delete_subnet(SubnetId=subnet)

    @classmethod
    def of(cls, local_aws: AwsHarness, deployed: Deployed) -> Network:
        """A VPC, and the endpoint updated to a model in it."""
        vpc = local_aws.ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        blocks = [f"10.20.{number}.0/24" for number in range(2)]
        subnets = [local_aws.ec2.create_subnet(VpcId=vpc, CidrBlock=block)["Subnet"]["SubnetId"] for block in blocks]
        group = local_aws.ec2.create_security_group(GroupName=f"model-{vpc}", Description="of a model", VpcId=vpc)["GroupId"]
        made = cls(local_aws, subnets, group, deployed)
        made.allow(*INTERFACES, *REMOVAL)
        model = f"{deployed.model}-vpc"
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://{deployed.bucket}/model/{deployed.model}.tar.gz"}
        local_aws.sagemaker.create_model(
            ModelName=model,
            ExecutionRoleArn=deployed.role.arn,
            PrimaryContainer=container,
            VpcConfig={"Subnets": subnets, "SecurityGroupIds": [group]},
        )
        config = local_aws.config(model, deployed.bucket)
        local_aws.sagemaker.update_endpoint(EndpointName=deployed.name, EndpointConfigName=config)
        deployed.until_status("InService")
        return made
