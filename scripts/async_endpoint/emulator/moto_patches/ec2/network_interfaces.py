"""Protection of network interfaces made by SageMaker: moto deletes them, and the subnets and security groups they use.

EC2 answers DependencyViolation, or InvalidParameterValue for an interface in use (EC2 API reference, "Error codes"; wording:
cloudformation-coverage-roadmap issue 1327).
"""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import DependencyViolationError, EC2ClientError
from moto.ec2.models.elastic_network_interfaces import NetworkInterface, NetworkInterfaceBackend
from moto.ec2.models.security_groups import SecurityGroupBackend
from moto.ec2.models.subnets import SubnetBackend

_delete_group = SecurityGroupBackend._delete_security_group
_delete_subnet = SubnetBackend.delete_subnet
_delete_interface = NetworkInterfaceBackend.delete_network_interface
_filter_value = NetworkInterface.get_filter_value


def _managed(backend: Any) -> list[Any]:
    """The interfaces that services made in the customer's VPC."""
    return [interface for interface in list(backend.enis.values()) if interface.requester_managed]


def _security_group(self: Any, vpc_id: str | None, group_id: str) -> None:
    if any(group_id == group.id for interface in _managed(self) for group in interface.group_set):
        raise DependencyViolationError(f"resource {group_id} has a dependent object")
    _delete_group(self, vpc_id, group_id)


def _subnet(self: Any, subnet_id: str) -> Any:
    if any(interface.subnet_id == subnet_id for interface in _managed(self)):
        raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
    return _delete_subnet(self, subnet_id)


def _interface(self: Any, eni_id: str) -> None:
    if any(interface.id == eni_id for interface in _managed(self)):
        raise EC2ClientError("InvalidParameterValue", f"Network interface '{eni_id}' is currently in use.")
    _delete_interface(self, eni_id)


def _filter(self: NetworkInterface, filter_name: str, method_name: str | None = None) -> Any:
    if filter_name == "requester-managed":
        return str(self.requester_managed).lower()
    return _filter_value(self, filter_name, method_name)


def apply() -> None:
    SecurityGroupBackend._delete_security_group = _security_group
    SubnetBackend.delete_subnet = _subnet
    NetworkInterfaceBackend.delete_network_interface = _interface
    NetworkInterface.get_filter_value = _filter
