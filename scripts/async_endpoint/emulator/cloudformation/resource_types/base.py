"""What a resource type is made of: its properties and the calls for one resource."""

from __future__ import annotations

import json
import secrets
import string
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from botocore.exceptions import ClientError

from async_endpoint.emulator.cloudformation.aws_calls import InProcessCalls
from async_endpoint.emulator.cloudformation.errors import ResourceFailed

Values = dict[str, Any]
DOCUMENT: Final = "document"  # a policy: an object, or its JSON as a string
_SUFFIX: Final = string.ascii_letters + string.digits
# Codes by which the services say that a resource to delete does not exist.
_MISSING: Final = frozenset(
    (
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchEntity",
        "NotFound",
        "NotFoundException",
        "ObjectNotFoundException",
        "QueueDoesNotExist",
        "ResourceNotFound",
        "ResourceNotFoundException",
    )
)


@dataclass(frozen=True)
class Created:
    """A resource that exists: physical id, which Ref returns, and the attributes of Fn::GetAtt."""

    physical_id: str
    attributes: Values


@dataclass(frozen=True)
class Existing(Created):
    """A resource that exists, with the properties that were applied."""

    properties: Values


@dataclass(frozen=True)
class Context:
    """What the calls for one resource have: clients, and the stack's name and tags, those before an update too.

    `wait` polls until its argument returns something true, and returns it; it raises OperationCancelled.
    """

    calls: InProcessCalls
    stack_name: str
    logical_id: str
    tags: Mapping[str, str]
    tags_before: Mapping[str, str]
    wait: Callable[[Callable[[], Any]], Any]

    def client(self, service: str) -> Any:
        return self.calls.client(service)

    def name(self, given: str | None, most: int, *, lower: bool = False) -> str:
        """The name of a resource: as given, or STACK-RESOURCE-RANDOM within `most` characters."""
        if given:
            return given
        random = "".join(secrets.choice(_SUFFIX) for _ in range(12))
        made = f"{self.stack_name}-{self.logical_id}"[: most - 13] + f"-{random}"
        return made.lower() if lower else made

    def all_tags(self, given: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
        """The tags of a resource: the stack's and its own. CloudFormation's three aws:cloudformation: tags are not set."""
        return {**self.tags, **{str(tag["Key"]): str(tag["Value"]) for tag in given or ()}}

    def tag_changes(
        self, before: Iterable[Mapping[str, Any]] | None, after: Iterable[Mapping[str, Any]] | None
    ) -> tuple[dict[str, str], list[str]]:
        """The tags to set and the keys to remove, the stack's included."""
        old = {**self.tags_before, **{str(tag["Key"]): str(tag["Value"]) for tag in before or ()}}
        new = self.all_tags(after)
        return {key: value for key, value in new.items() if old.get(key) != value}, sorted(set(old) - set(new))

    def change_tags(
        self,
        before: Iterable[Mapping[str, Any]] | None,
        after: Iterable[Mapping[str, Any]] | None,
        add: Callable[[dict[str, str]], Any],
        remove: Callable[[list[str]], Any],
    ) -> None:
        """Call `add` with the tags to set and `remove` with the keys to remove, where there are any."""
        added, removed = self.tag_changes(before, after)
        if added:
            add(added)
        if removed:
            remove(removed)

    def tag_list(self, given: Iterable[Mapping[str, Any]] | None) -> list[dict[str, str]]:
        """`all_tags` as a list of Key and Value."""
        return as_list(self.all_tags(given))


class ResourceType(ABC):
    """One resource type. `mutable` properties are updated in place; a change of one in `replacing` makes a new resource."""

    mutable: ClassVar[frozenset[str]]
    replacing: ClassVar[frozenset[str]] = frozenset()
    required: ClassVar[frozenset[str]] = frozenset()
    named_by: ClassVar[str] = ""  # the property that names the resource, if there is one
    capability: ClassVar[bool] = False  # whether a template with it needs CAPABILITY_IAM
    attributes: ClassVar[frozenset[str]] = frozenset()  # of Fn::GetAtt (template reference, "Return values")
    # The JSON types of properties, where `fitted` does not check them: JSONArray, JSONObject or DOCUMENT; others are scalars.
    structures: ClassVar[Mapping[str, str] | None] = None

    def check(self, properties: Values) -> None:
        """Raise ResourceFailed for properties that are unknown, not emulated, missing or of another type."""
        unknown = sorted(set(properties) - self.mutable - self.replacing)
        if unknown:
            raise ResourceFailed(f"Encountered unsupported property {unknown[0]}")
        missing = sorted(self.required - set(properties))
        if missing:
            raise ResourceFailed(f"Properties validation failed: #: required key [{missing[0]}] not found")
        if self.structures is not None:
            for name, value in properties.items():
                _check_structure(self.structures.get(name), value, f"#/{name}")

    def replaced_by(self, before: Values, after: Values) -> list[str]:
        """The changed properties that need a new resource."""
        return sorted(name for name in self.replacing if before.get(name) != after.get(name))

    @abstractmethod
    def create(self, context: Context, properties: Values) -> Created:
        """Create the resource; raises ClientError or ResourceFailed."""

    def stabilize(self, context: Context, created: Created, properties: Values) -> None:  # noqa: B027 - most need none
        """Complete a created resource, or wait until it can be used; raises ClientError or ResourceFailed."""

    @abstractmethod
    def update(self, context: Context, existing: Existing, after: Values) -> None:
        """Change the properties of the resource in place to `after`; raises ClientError or ResourceFailed."""

    @abstractmethod
    def delete(self, context: Context, existing: Existing) -> None:
        """Delete the resource; raises ClientError or ResourceFailed."""

    def delete_if_exists(self, context: Context, existing: Existing) -> None:
        """Delete the resource; one that does not exist counts as deleted."""
        try:
            self.delete(context, existing)
        except ClientError as error:
            if not self.is_missing(error):
                raise

    def is_missing(self, error: ClientError) -> bool:
        """Whether an error of a deletion says that the resource does not exist."""
        return error.response["Error"]["Code"] in _MISSING


class AttachedPolicy(ResourceType):
    """The policy of several resources, which the property `targets` names."""

    targets: ClassVar[str]
    attributes = frozenset(("Id",))

    @abstractmethod
    def put(self, context: Context, target: str, document: str | None) -> None:
        """Set the policy of a target; None restores the policy that it has without one."""

    def create(self, context: Context, properties: Values) -> Created:
        for target in properties[self.targets]:
            self.put(context, target, as_document(properties["PolicyDocument"]))
        name = context.name(None, 128)
        return Created(name, {"Id": name})

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        for target in existing.properties[self.targets]:
            if target not in after[self.targets]:
                self.put(context, target, None)
        for target in after[self.targets]:
            self.put(context, target, as_document(after["PolicyDocument"]))

    def delete(self, context: Context, existing: Existing) -> None:
        for target in existing.properties[self.targets]:
            self.put(context, target, None)


def as_list(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as a list of Key and Value, or of the names that a service has for them."""
    return [{key: name, value: text} for name, text in tags.items()]


def as_attribute(value: Any) -> str:
    """A property as an attribute of SNS and SQS: text, JSON for a structure."""
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_document(value: Any) -> str:
    """A policy document as JSON text."""
    return value if isinstance(value, str) else json.dumps(value)


def fitted(shape: Any, value: Any, where: str = "#") -> Any:
    """A property as the API's input shape wants it: templates may state numbers and booleans as strings, and the reverse.

    Raises ResourceFailed for an unknown key or a value of another type, in the words of CloudFormation's schema validation.
    """
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            raise _wrong_type(where, "JSONObject", value)
        unknown = sorted(set(value) - set(shape.members))
        if unknown:
            raise ResourceFailed(f"Properties validation failed: {where}: extraneous key [{unknown[0]}] is not permitted")
        return {key: fitted(shape.members[key], item, f"{where}/{key}") for key, item in value.items()}
    if kind == "list":
        if not isinstance(value, list):
            raise _wrong_type(where, "JSONArray", value)
        return [fitted(shape.member, item, f"{where}/{index}") for index, item in enumerate(value)]
    if kind == "map":
        if not isinstance(value, dict):
            raise _wrong_type(where, "JSONObject", value)
        return {str(key): fitted(shape.value, item, f"{where}/{key}") for key, item in value.items()}
    return scalar(kind, value, where)


def scalar(kind: str, value: Any, where: str) -> Any:
    """A string, number or boolean in botocore's type `kind`; raises ResourceFailed."""
    if isinstance(value, dict | list):
        raise _wrong_type(where, kind.capitalize(), value)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    try:
        if kind == "boolean":
            return {"true": True, "false": False}[text.lower()]
        if kind in ("integer", "long"):
            return int(text)
        if kind in ("float", "double"):
            return float(text)
    except (KeyError, ValueError) as error:
        raise _wrong_type(where, kind.capitalize(), value) from error
    return text


def _check_structure(expected: str | None, value: Any, where: str) -> None:
    """Raise ResourceFailed unless a value has the JSON type `expected`; None means a string, number or boolean."""
    found = _type_name(value)
    if expected is None:
        if isinstance(value, dict | list):
            raise _wrong_type(where, "String", value)
    elif found != expected and not (expected == DOCUMENT and found in ("JSONObject", "String")):
        raise _wrong_type(where, "JSONObject" if expected == DOCUMENT else expected, value)


def _wrong_type(where: str, expected: str, value: Any) -> ResourceFailed:
    return ResourceFailed(f"Properties validation failed: {where}: expected type: {expected}, found: {_type_name(value)}")


def _type_name(value: Any) -> str:
    """The name of a value's JSON type in CloudFormation's messages."""
    names = {dict: "JSONObject", list: "JSONArray", bool: "Boolean", int: "Integer", float: "Double", str: "String"}
    return names.get(type(value), "Null")
