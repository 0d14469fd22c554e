"""Elastic network interfaces (ENIs) of instances in a VPC: created at launch, deleted minutes after the instance has ended.

Until then EC2 refuses to delete their subnets and security groups. Sources: developer guide, "Give SageMaker Hosted Endpoints
Access to Resources in Your Amazon VPC"; terraform-provider-aws issue 34397 and cloudformation-coverage-roadmap issue 1327 for
interfaces that outlive their endpoint. Number, description and delay are assumption A23 of docs/assumptions.md.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace

from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.hosting.execution_role import AccessDenied, AssumedRole
from async_endpoint.emulator.hosting.model_spec import ModelSpec, VpcConfig
from async_endpoint.local_aws import ACCOUNT_ID

REMOVAL_SECONDS = 300.0  # AWS seconds between the end of an instance and that of its interfaces
RETRY_SECONDS = 60.0  # AWS seconds until a removal that the role did not allow is retried
# What hosting does in EC2 with the execution role ("CreateModel API: Execution Role Permissions").
_DESCRIBED = ("DhcpOptions", "NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs")
_INTERFACE_ACTIONS = ("CreateNetworkInterfacePermission", "DeleteNetworkInterface", "DeleteNetworkInterfacePermission")


def check_attach(role: AssumedRole, vpc: VpcConfig) -> None:
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
        for action in _INTERFACE_ACTIONS:
            role.check(f"ec2:{action}", f"{ec2}network-interface/*", context={"ec2:Subnet": subnet})


def check_detach(role: AssumedRole, subnets: Iterable[str]) -> None:
    """Raise AccessDenied unless the role may delete network interfaces of these subnets; ResourceNotFound without the role."""
    for name in subnets:
        subnet = f"arn:aws:ec2:{role.region}:{ACCOUNT_ID}:subnet/{name}"
        for action in _INTERFACE_ACTIONS[1:]:
            resource = f"arn:aws:ec2:{role.region}:{ACCOUNT_ID}:network-interface/*"
            role.check(f"ec2:{action}", resource, context={"ec2:Subnet": subnet})


@dataclass(frozen=True)
class _PendingRemoval:
    """An interface whose instance has ended, to be deleted at AWS time `due`. `refusal` is why the last attempt failed."""

    interface: moto_backends.NetworkInterface
    due: float
    refusal: str = ""


class NetworkInterfaces:
    """The network interfaces of all endpoints. Instances outside a VPC have none."""

    def __init__(self, clock: ScaledClock) -> None:
        self._clock = clock
        self._attached: dict[str, list[moto_backends.NetworkInterface]] = {}  # by instance id
        self._pending: list[_PendingRemoval] = []
        self._remover: threading.Thread | None = None
        self._stopped = threading.Event()
        self._lock = threading.Lock()

    def attach(self, instance_id: str, endpoint_name: str, model: ModelSpec, region: str) -> None:
        """Create one interface in each subnet of the model; raises ResourceNotFound for a missing subnet or security group."""
        if model.vpc is None:
            return
        moto_backends.check_network(region, model.vpc.subnets, model.vpc.security_groups)
        description = f"Amazon SageMaker endpoint {endpoint_name} instance {instance_id}"
        made = [
            moto_backends.create_interface(region, subnet, model.vpc.security_groups, description, model.role_arn)
            for subnet in model.vpc.subnets
        ]
        with self._lock:
            self._attached[instance_id] = made

    def release(self, instance_id: str) -> None:
        """Schedule deletion: the instance has ended, or never started. Safe to call twice."""
        if instance_id not in self._attached:
            return
        with self._lock:
            self._remove_later(self._attached.pop(instance_id, []))

    def remaining(self) -> list[str]:
        """A sentence for each reason for which interfaces could not be deleted, with the interfaces and the remedy."""
        by_reason: dict[tuple[str, str], list[str]] = {}
        with self._lock:
            for pending in self._pending:
                if pending.refusal:
                    reason = (pending.refusal.rstrip("."), pending.interface.role_arn)
                    by_reason.setdefault(reason, []).append(f"{pending.interface.id} in {pending.interface.subnet}")
        return [
            f"network interfaces of ended instances remain ({', '.join(names)}): {refusal}. SageMaker deletes them as {role}; "
            "restore the role and its permissions, and delete it after the interfaces."
            for (refusal, role), names in by_reason.items()
        ]

    def resume(self) -> None:
        """After a restart: schedule deletion of interfaces left over from instances of the previous run."""
        with self._lock:
            self._remove_later(moto_backends.interfaces())

    def forget(self) -> None:
        """Discard all state: EC2 was reset and has no interfaces."""
        with self._lock:
            self._attached.clear()
            self._pending.clear()

    def stop(self) -> None:
        """Delete nothing more: the local AWS shuts down."""
        self._stopped.set()

    def _remove_later(self, interfaces: list[moto_backends.NetworkInterface]) -> None:
        """Schedule deletion. Called with the lock held."""
        due = self._clock.now() + REMOVAL_SECONDS
        self._pending += [_PendingRemoval(interface, due) for interface in interfaces]
        if self._pending and self._remover is None:
            self._remover = threading.Thread(target=self._remove, name="network-interfaces", daemon=True)
            self._remover.start()

    def _remove(self) -> None:
        while True:
            with self._lock:
                if not self._pending:
                    self._remover = None
                    return
                first = min(self._pending, key=lambda pending: pending.due)
            if self._clock.wait(self._stopped, first.due):
                return
            if first not in self._pending:  # a reset discarded it
                continue
            refusal = self._try_to_remove(first.interface)
            with self._lock:
                self._pending = [pending for pending in self._pending if pending is not first]
                if refusal:
                    self._pending.append(replace(first, due=self._clock.now() + RETRY_SECONDS, refusal=refusal))

    @staticmethod
    def _try_to_remove(interface: moto_backends.NetworkInterface) -> str:
        """Delete an interface; returns why not while its role is missing or lacks the permission, empty once it is deleted."""
        role = AssumedRole(interface.role_arn, interface.region)
        try:
            role.assume()
            check_detach(role, [interface.subnet])
        except (AccessDenied, moto_backends.ResourceNotFound) as error:
            return str(error) or type(error).__name__
        moto_backends.remove_interface(interface)
        return ""
