"""Runtimes that Lambda no longer creates functions with, and those it never had. moto stores any text.

Sources: Lambda developer guide, "Lambda runtimes" (the runtimes whose date of "Block function create" has passed, without those
whose date moved); wording: disposable_app issue 3, and as users quote it.
"""

from __future__ import annotations

from typing import Any, Final

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaBackend

from async_endpoint.emulator.sagemaker.protocol import service_model

RETIRED: Final = frozenset(
    [
        "dotnetcore1.0",
        "dotnetcore2.0",
        "dotnetcore2.1",
        "dotnetcore3.1",
        "go1.x",
        "java8",
        "nodejs",
        "nodejs4.3",
        "nodejs4.3-edge",
        "nodejs6.10",
        "nodejs8.10",
        "nodejs10.x",
        "nodejs12.x",
        "nodejs14.x",
        "provided",
        "python2.7",
        "python3.6",
        "python3.7",
        "ruby2.5",
        "ruby2.7",
    ]
)
_create = LambdaBackend.create_function
_update = LambdaBackend.update_function_configuration


def _check(runtime: str | None) -> None:
    if runtime is None:
        return
    if runtime in RETIRED:
        raise InvalidParameterValueException(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. We "
            "recommend you use a supported runtime while creating or updating functions."
        )
    known = [name for name in service_model("lambda").shape_for("Runtime").enum if name not in RETIRED]
    if runtime not in known:
        raise InvalidParameterValueException(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{', '.join(known)}] or be a valid ARN"
        )


def _created(self: Any, spec: dict[str, Any]) -> Any:
    _check(spec.get("Runtime"))
    return _create(self, spec)


def _updated(self: Any, function_name: str, qualifier: str, body: dict[str, Any]) -> Any:
    _check(body.get("Runtime"))
    return _update(self, function_name, qualifier, body)


def apply() -> None:
    LambdaBackend.create_function = _created
    LambdaBackend.update_function_configuration = _updated
