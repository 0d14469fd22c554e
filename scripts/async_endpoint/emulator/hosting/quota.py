"""How many instances there may be: AWS's quotas differ by account and instance type, this is the local AWS's own.

Each instance is a process here; what nobody meant to ask for must not take the machine down.
"""

from __future__ import annotations

from async_endpoint.emulator.hosting.deployment import VariantSpec
from async_endpoint.emulator.hosting.endpoint import Endpoint

MOST_INSTANCES = 64  # of one variant


def refusal(endpoint: Endpoint, variant_name: str, desired: int) -> str:
    """Why a variant of an endpoint may not have so many instances, in AWS's words; empty when it may."""
    variant = endpoint.variant(variant_name)
    return "" if variant is None else over(variant.spec, desired, variant.desired)


def over(spec: VariantSpec, desired: int, current: int = 0) -> str:
    """The same of a variant that is not there yet."""
    if desired <= MOST_INSTANCES:
        return ""
    return (
        f"The account-level service limit '{spec.instance_type} for endpoint usage' is {MOST_INSTANCES} Instances, with "
        f"current utilization of {current} Instances and a request delta of {desired - current} Instances. Please use AWS "
        "Service Quotas to request an increase for this quota."
    )
