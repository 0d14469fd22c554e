"""The client of SageMaker asynchronous endpoints that scale to zero; the public API of this package.

    from async_endpoint import AsyncEndpoint, ClientConfig, Request

Names are imported when first used, so that `import async_endpoint` loads neither boto3 nor anything else. Everything
else in this package serves the command line `async-endpoint`; tests/structure/test_layers.py has its layers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    __version__: str

    from async_endpoint.aws import AwsSession
    from async_endpoint.client.config import ClientConfig
    from async_endpoint.client.endpoint import AsyncEndpoint
    from async_endpoint.client.endpoint_info import EndpointInfo
    from async_endpoint.client.invocation import Invocation
    from async_endpoint.client.models import Completed, Payload, Request, State, Submitted
    from async_endpoint.client.synchronous import invoke_sync
    from async_endpoint.client.weighted import WeightedEndpoint
    from async_endpoint.client.weights import Weight
    from async_endpoint.core.errors import (
        Abandoned,
        AmbiguousEndpoint,
        AnswersDiffer,
        AsyncEndpointError,
        BatchFailed,
        BucketMissing,
        BucketNotEmpty,
        CredentialsExpired,
        DoctorFailed,
        DriftFound,
        EndpointDeleted,
        EndpointInUse,
        EndpointNotReady,
        ExtraMissing,
        ImportedInUse,
        InvalidInput,
        InvocationExpired,
        InvocationFailed,
        KeyInUse,
        LocalAwsDenied,
        LocalAwsNotRunning,
        NotApplied,
        NotReady,
        OrphansFound,
        OwnedElsewhere,
        PackageLayoutError,
        PlanDamaged,
        PlanForeign,
        PlanNameTaken,
        PlanNotApproved,
        PlanStale,
        PolicyInUse,
        QuotaTooLow,
        Refused,
        ReplacementRefused,
        ResultDeleted,
        ResultNotJson,
        ResultNotReady,
        ResultUnreadable,
        RollbackAlarmFiring,
        RolledBack,
        SmokeTestFailed,
        StateBucketUnsafe,
        StateLocked,
        StateNotSaved,
        TerraformFailed,
        ToolMissing,
        UnknownEndpoint,
        UnknownEnvironment,
        UsageError,
        VerificationFailed,
        WorkFailed,
        WrongAccount,
        WrongRegion,
    )
    from async_endpoint.core.outputs import AsyncEndpointOutputs

_MODULES: Final = {
    "AwsSession": "aws",
    "ClientConfig": "client.config",
    "AsyncEndpoint": "client.endpoint",
    "EndpointInfo": "client.endpoint_info",
    "Invocation": "client.invocation",
    "Completed": "client.models",
    "Payload": "client.models",
    "Request": "client.models",
    "State": "client.models",
    "Submitted": "client.models",
    "invoke_sync": "client.synchronous",
    "WeightedEndpoint": "client.weighted",
    "Weight": "client.weights",
    "AsyncEndpointOutputs": "core.outputs",
}

__all__ = [
    "Abandoned",
    "AmbiguousEndpoint",
    "AnswersDiffer",
    "AsyncEndpoint",
    "AsyncEndpointError",
    "AsyncEndpointOutputs",
    "AwsSession",
    "BatchFailed",
    "BucketMissing",
    "BucketNotEmpty",
    "ClientConfig",
    "Completed",
    "CredentialsExpired",
    "DoctorFailed",
    "DriftFound",
    "EndpointDeleted",
    "EndpointInUse",
    "EndpointInfo",
    "EndpointNotReady",
    "ExtraMissing",
    "ImportedInUse",
    "InvalidInput",
    "Invocation",
    "InvocationExpired",
    "InvocationFailed",
    "KeyInUse",
    "LocalAwsDenied",
    "LocalAwsNotRunning",
    "NotApplied",
    "NotReady",
    "OrphansFound",
    "OwnedElsewhere",
    "PackageLayoutError",
    "Payload",
    "PlanDamaged",
    "PlanForeign",
    "PlanNameTaken",
    "PlanNotApproved",
    "PlanStale",
    "PolicyInUse",
    "QuotaTooLow",
    "Refused",
    "ReplacementRefused",
    "Request",
    "ResultDeleted",
    "ResultNotJson",
    "ResultNotReady",
    "ResultUnreadable",
    "RollbackAlarmFiring",
    "RolledBack",
    "SmokeTestFailed",
    "State",
    "StateBucketUnsafe",
    "StateLocked",
    "StateNotSaved",
    "Submitted",
    "TerraformFailed",
    "ToolMissing",
    "UnknownEndpoint",
    "UnknownEnvironment",
    "UsageError",
    "VerificationFailed",
    "Weight",
    "WeightedEndpoint",
    "WorkFailed",
    "WrongAccount",
    "WrongRegion",
    "__version__",
    "invoke_sync",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - slow to load, and rarely used

        value: Any = version("async-endpoint")
    else:
        value = getattr(import_module(f"{__name__}.{_MODULES.get(name, 'core.errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
