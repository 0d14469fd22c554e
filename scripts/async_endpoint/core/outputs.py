"""All that passes from Terraform to Python: output `async_endpoints` of every root under envs/.

A map: the name of each endpoint in its environment, which users write as ENV/NAME, to the object that output `async_endpoint`
of modules/async-inference builds.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.text import with_article

OUTPUT_NAME = "async_endpoints"
MODULE_OUTPUT_NAME = "async_endpoint"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class EndpointDetails:
    name: str
    arn: str
    config_name: str
    model_name: str
    variant_name: str
    instance_type: str
    max_concurrent_invocations_per_instance: int
    execution_role_arn: str


@dataclass(frozen=True)
class Storage:
    """URIs end in `/`; `kms_key_arn` is null when the bucket uses S3-managed keys."""

    bucket: str
    input_uri: str
    output_uri: str
    failure_uri: str
    kms_key_arn: str | None


@dataclass(frozen=True)
class Monitoring:
    """Alarms that watch the endpoint; the one that wakes it is of `Scaling`."""

    alarm_names: tuple[str, ...] = ()
    dashboard_name: str | None = None


@dataclass(frozen=True)
class Notifications:
    """`publishers_restricted` says that policies deny every publisher of the topics but the execution role, and every sender to
    the results queue but the topics: only then can the content of a message be trusted. False where a root does not say so.
    """

    success_topic_arn: str
    error_topic_arn: str
    results_queue_url: str
    results_queue_arn: str
    dead_letter_queue_url: str
    publishers_restricted: bool = False


@dataclass(frozen=True)
class Schedule:
    """A scheduled action, and the bounds it sets."""

    action_name: str
    min_instances: int
    max_instances: int


@dataclass(frozen=True)
class Scaling:
    """`resource_id` is Application Auto Scaling's: endpoint/<name>/variant/<variant>. Bounds are those before any schedule."""

    resource_id: str
    min_instances: int
    max_instances: int
    target_backlog_per_instance: float
    tracking_policy_name: str
    wake_policy_name: str
    wake_alarm_name: str
    schedules: tuple[Schedule, ...] = ()


@dataclass(frozen=True)
class Limits:
    """Seconds. `cold_start_seconds` is the longest a container may take to answer /ping."""

    request_ttl_seconds: int
    invocation_timeout_seconds: int
    cold_start_seconds: int


@dataclass(frozen=True)
class Archive:
    """A model archive as it was applied: `sha256` (hex) of one uploaded from here, and its S3 version; null where unknown."""

    uri: str
    sha256: str | None
    version_id: str | None


@dataclass(frozen=True)
class ExecutionRole:
    """What the execution role may do, as JSON policies. Of a supplied role only `policy_json` is known: what it needs.

    An imported role has that policy as its inline policy `policy_name`, beside those of others, and a trust policy of its own.
    """

    policy_json: str
    supplied: bool
    policy_name: str | None = None
    trust_policy_json: str | None = None
    permissions_boundary_arn: str | None = None

    @property
    def imported(self) -> bool:
        return not self.supplied and self.trust_policy_json is None

    @property
    def made_here(self) -> bool:
        return not self.supplied and not self.imported


@dataclass(frozen=True)
class Model:
    archives: tuple[Archive, ...]
    execution_role: ExecutionRole


@dataclass(frozen=True)
class HttpApi:
    """What an HTTP API in front of the endpoint uses; both URIs end in `/`.

    Records of predictions lie below `state_uri` and expire, API keys and signing secrets below `credentials_uri`; the execution
    role can read neither. The queue has what announces the end of predictions with a webhook.
    """

    state_uri: str
    credentials_uri: str
    delivery_queue_url: str
    delivery_queue_arn: str
    delivery_dead_letter_queue_url: str


@dataclass(frozen=True)
class AsyncEndpointOutputs:
    """Typed view of one endpoint's object in the Terraform output.

    Unknown keys are ignored, so that a newer root serves an older client; what has a default here may be missing.
    """

    schema_version: int
    environment: str
    region: str
    account_id: str
    endpoint: EndpointDetails
    storage: Storage
    notifications: Notifications
    scaling: Scaling
    limits: Limits
    monitoring: Monitoring = Monitoring()
    model: Model | None = None
    http_api: HttpApi | None = None

    @classmethod
    def parse(cls, value: object, where: str = MODULE_OUTPUT_NAME) -> AsyncEndpointOutputs:
        """Check and convert the decoded JSON of one endpoint's object.

        Raises InvalidInput naming the first field that is wrong; `where` is the object's place in the output.
        """
        outputs: AsyncEndpointOutputs = _parse(cls, value, where)
        if outputs.schema_version != SCHEMA_VERSION:
            raise InvalidInput(
                f"Terraform output {where} has schema_version {outputs.schema_version}; this version of async-endpoint reads "
                f"{SCHEMA_VERSION}: apply the environment with the code you run."
            )
        return outputs

    def as_dict(self) -> dict[str, Any]:
        """What `parse` was given, without unknown keys; what was missing has its default."""
        decoded: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return decoded


def endpoint_objects(value: object) -> dict[str, object]:
    """The undecoded object of each endpoint by name; raises InvalidInput when output `async_endpoints` is no map."""
    if not isinstance(value, Mapping):
        raise InvalidInput(f"Terraform output {OUTPUT_NAME} is {_name(value)}; expected a map. Apply the environment again.")
    return dict(value)


def only_endpoint(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object of one endpoint: `document` itself, or the only one in what `async-endpoint outputs --json` prints.

    Raises InvalidInput if there are several, naming them, or none.
    """
    objects = document.get("endpoints")
    if not isinstance(objects, Mapping) or "schema_version" in document:
        return document
    if len(objects) == 1:
        (only,) = objects.values()
        return cast("Mapping[str, Any]", only)
    if not objects:
        raise InvalidInput("The document has no endpoint; apply the environment and run: async-endpoint outputs ENV --json")
    choices = " or ".join(f"document['endpoints'][{name!r}]" for name in sorted(objects))
    raise InvalidInput(f"The document has the outputs of {len(objects)} endpoints; pass the one of an endpoint: {choices}.")


def parse_endpoint(name: str, value: object) -> AsyncEndpointOutputs:
    """The outputs of endpoint `name`; raises InvalidInput naming the first wrong field, as async_endpoints.NAME.FIELD."""
    return AsyncEndpointOutputs.parse(value, f"{OUTPUT_NAME}.{name}")


def _parse(kind: Any, value: object, where: str) -> Any:
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise InvalidInput(f"Terraform output {where} is {_name(value)}; expected an object. Apply the environment again.")
        hints = typing.get_type_hints(kind)
        return typing.cast(Any, kind)(
            **{
                field.name: _parse(hints[field.name], value.get(field.name), f"{where}.{field.name}")
                for field in dataclasses.fields(kind)
                if field.name in value or field.default is dataclasses.MISSING
            }
        )
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise InvalidInput(f"Terraform output {where} is {_name(value)}; expected a list. Apply the environment again.")
        return tuple(_parse(typing.get_args(kind)[0], item, f"{where}[{number}]") for number, item in enumerate(value))
    allowed = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if value is not None and (parsed := next((option for option in allowed if dataclasses.is_dataclass(option)), None)):
        return _parse(parsed, value, where)
    if float in allowed and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if (isinstance(value, bool) and bool not in allowed) or not isinstance(value, allowed):
        expected = " or ".join("null" if option is type(None) else option.__name__ for option in allowed)
        raise InvalidInput(f"Terraform output {where} is {_name(value)}; expected {expected}. Apply the environment again.")
    return value


def _name(value: object) -> str:
    return "missing" if value is None else with_article(type(value).__name__)
