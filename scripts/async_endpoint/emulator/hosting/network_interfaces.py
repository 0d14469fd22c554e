"""Network interfaces of instances in a VPC: made at launch, removed minutes after their instance has ended.

Until then EC2 refuses to delete their subnets and security groups. Sources: developer guide, "Give SageMaker Hosted Endpoints
Access to Resources in Your Amazon VPC"; terraform-provider-aws issue 34397 and cloudformation-coverage-roadmap issue 1327 for
interfaces that outlive their endpoint. Number, description and delay are assumption A23 of docs/local-aws.md.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.hosting import launch_rights
from async_endpoint.emulator.hosting.execution_role import AccessDenied, AssumedRole
from async_endpoint.emulator.hosting.model_spec import ModelSpec

REMOVAL_SECONDS = 300.0  # AWS seconds between the end of an instance and that of its interfaces
RETRY_SECONDS = 60.0  # AWS seconds until a removal that the role did not allow is tried again


@dataclass(frozen=True)
class _PendingRemoval:
    """An interface without an instance, removed at the AWS time `due`."""

    interface: moto_backends.NetworkInterface
    due: float


class NetworkInterfaces:
    """Of all endpoints of one local AWS. Instances outside a VPC have none and cost a look into an empty dictionary."""

    def __init__(self, clock: ScaledClock) -> None:
        self._clock = clock
        self._attached: dict[str, list[moto_backends.NetworkInterface]] = {}  # by instance id
        self._leaving: list[_PendingRemoval] = []
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
        """The instance has ended, or never began; safe to call twice."""
        if instance_id not in self._attached:
            return
        with self._lock:
            self._remove_later(self._attached.pop(instance_id, []))

    def resume(self) -> None:
        """After a stop: what is left of instances that ended with it goes as if they had ended now."""
        with self._lock:
            self._remove_later(moto_backends.interfaces())

    def forget(self) -> None:
        """EC2 has none of them any more."""
        with self._lock:
            self._attached.clear()
            self._leaving.clear()

    def stop(self) -> None:
        """Remove nothing more: the local AWS ends."""
        self._stopped.set()

    def _remove_later(self, interfaces: list[moto_backends.NetworkInterface]) -> None:
        """With the lock held."""
        due = self._clock.now() + REMOVAL_SECONDS
        self._leaving += [_PendingRemoval(interface, due) for interface in interfaces]
        if self._leaving and self._remover is None:
            self._remover = threading.Thread(target=self._remove, name="network-interfaces", daemon=True)
            self._remover.start()

    def _remove(self) -> None:
        while True:
            with self._lock:
                if not self._leaving:
                    self._remover = None
                    return
                first = min(self._leaving, key=lambda leaving: leaving.due)
            if self._clock.wait(self._stopped, first.due):
                return
            if first not in self._leaving:  # forgotten meanwhile
                continue
            removed = self._try_to_remove(first.interface)
            with self._lock:
                self._leaving = [leaving for leaving in self._leaving if leaving is not first]
                if not removed:
                    self._leaving.append(replace(first, due=self._clock.now() + RETRY_SECONDS))

    @staticmethod
    def _try_to_remove(interface: moto_backends.NetworkInterface) -> bool:
        """False while its role is gone, or may not do it."""
        role = AssumedRole(interface.role_arn, interface.region)
        try:
            role.assume()
            launch_rights.detach(role, [interface.subnet])
        except (AccessDenied, moto_backends.ResourceNotFound):
            return False
        moto_backends.remove_interface(interface)
        return True
