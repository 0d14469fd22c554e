"""Operations on one stack: creation, update, rollback and deletion of its resources, in the order of dependencies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from async_endpoint.emulator.cloudformation.aws_calls import InProcessCalls
from async_endpoint.emulator.cloudformation.errors import (
    OperationCancelled,
    ResourceFailed,
    StackError,
    validation_error,
)
from async_endpoint.emulator.cloudformation.intrinsics import Scope
from async_endpoint.emulator.cloudformation.references import in_order
from async_endpoint.emulator.cloudformation.resource_types import resource_type
from async_endpoint.emulator.cloudformation.resource_types.base import Context, Existing, ResourceType
from async_endpoint.emulator.cloudformation.stacks import Stack, StackResource, StackStore, Values

_FIRST_POLL_SECONDS: Final = 0.02
_MAX_POLL_SECONDS: Final = 0.5
_REPLACING: Final = "Requested update requires the creation of a new physical resource; hence creating one."
Undo = Callable[[], None]


class Deployment:
    """The resources of one stack during one operation."""

    def __init__(self, stack: Stack, store: StackStore, calls: InProcessCalls, cancelled: threading.Event) -> None:
        self._stack = stack
        self._store = store
        self._calls = calls
        self._cancelled = cancelled
        self._tags_before: dict[str, str] = {}

    # --- creation ------------------------------------------------------------------------------------------------------

    def create(self, scope: Scope, on_failure: str) -> None:
        """Create every resource. On failure, by `on_failure`, roll back (ROLLBACK), delete (DELETE) or stop (DO_NOTHING)."""
        stack = self._stack
        try:
            self._create_all(scope)
            stack.outputs = outputs_of(scope, self._store, stack)
            self._check_cancelled()
            stack.record("CREATE_COMPLETE")
        except (ResourceFailed, StackError) as error:
            reason = self._failures("create") or str(error)
            if on_failure == "DO_NOTHING":
                stack.record("CREATE_FAILED", reason)
                return
            stack.record("ROLLBACK_IN_PROGRESS", f"{reason} Rollback requested by user.")
            failed = self._delete_resources(on_create=True)
            stack.outputs = []
            if failed:
                stack.record("ROLLBACK_FAILED", _not_deleted(failed))
            elif on_failure == "DELETE":
                self._deleted()
            else:
                stack.record("ROLLBACK_COMPLETE")

    def _create_all(self, scope: Scope) -> None:
        included = _included(scope)
        self._refuse_unsupported(included)
        for logical_id in in_order(scope.template, included):
            self._create(scope, logical_id, included)

    def _refuse_unsupported(self, included: dict[str, Values]) -> None:
        """Fail resources of types that are not emulated, before anything is created."""
        unsupported = [
            logical_id
            for logical_id, item in included.items()
            if resource_type(item["Type"]) is None and logical_id not in self._stack.resources
        ]
        for logical_id in unsupported:
            resource = StackResource(logical_id, included[logical_id]["Type"], {})
            self._stack.resources[logical_id] = resource
            self._stack.record_resource(resource, "CREATE_FAILED", _unsupported(resource.type))
        if unsupported:
            raise ResourceFailed(_unsupported(included[unsupported[0]]["Type"]))

    def _create(self, scope: Scope, logical_id: str, included: dict[str, Values], word: str = "CREATE", why: str = "") -> None:
        """Create a resource and put it into the stack; raises ResourceFailed."""
        item = included[logical_id]
        resource = _resource(scope, logical_id, item, included)
        self._stack.resources[logical_id] = resource
        with self._recorded(resource, word, why):
            kind, resource.properties = _kind(resource.type), self._properties(scope, item)
            kind.check(resource.properties)
            context = self._context(logical_id)
            created = kind.create(context, resource.properties)
            resource.physical_id, resource.attributes = created.physical_id, created.attributes
            self._stack.record_resource(resource, f"{word}_IN_PROGRESS", "Resource creation Initiated")
            kind.stabilize(context, created, resource.properties)
        scope.resources[logical_id] = resource.physical_id

    # --- update --------------------------------------------------------------------------------------------------------

    def update(self, scope: Scope, request: Values, *, roll_back: bool) -> None:
        """Change the stack to the template of `scope`, given in `request`; on failure undo everything if `roll_back`."""
        stack, before, old_request = self._stack, dict(self._stack.resources), self._stack.request
        old_outputs, old_imports = stack.outputs, set(stack.imports)
        self._tags_before, stack.request, stack.imports = _tags(old_request), request, set()
        undo: list[Undo] = []
        made: list[StackResource] = []
        try:
            self._change_all(scope, before, undo, made)
            outputs = outputs_of(scope, self._store, stack)
            self._check_exports(outputs)
            stack.outputs = outputs
        except (ResourceFailed, StackError) as error:
            reason = self._failures("update") or str(error)
            if not roll_back:
                self._keep_what_exists(before, made)
                stack.record("UPDATE_FAILED", reason)
                return
            stack.record("UPDATE_ROLLBACK_IN_PROGRESS", reason)
            stack.outputs, stack.imports = old_outputs, old_imports
            self._roll_back_update(before, old_request, undo, made)
            return
        stack.record("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        current = {(resource.type, resource.physical_id) for resource in stack.resources.values()}
        gone = [resource for resource in before.values() if (resource.type, resource.physical_id) not in current]
        self._clean_up(gone)
        stack.record("UPDATE_COMPLETE")

    def _keep_what_exists(self, before: dict[str, StackResource], made: list[StackResource]) -> None:
        """After a failed update without rollback: failed resources are as they were before, so that an update retries them."""
        resources = self._stack.resources
        for resource in list(resources.values()):
            if not resource.status.endswith("_FAILED"):
                continue
            if any(resource is one for one in made):
                self._clean_up([resource], on_create=True)
                del resources[resource.logical_id]
            if resource.logical_id in before:
                old = before[resource.logical_id]
                resources[resource.logical_id] = replace(old, status="UPDATE_FAILED", reason=resource.reason)

    def _check_exports(self, outputs: list[Values]) -> None:
        """Raise StackError for an export that changes or ends while another stack imports it."""
        exported = {output["ExportName"]: output["OutputValue"] for output in outputs if "ExportName" in output}
        for output in self._stack.outputs:
            name = output.get("ExportName")
            users = self._users(name) if name and exported.get(name) != output["OutputValue"] else []
            if users:
                done = "updated" if name in exported else "deleted"
                raise validation_error(f"Export {name} cannot be {done} as it is in use by {' and '.join(users)}")

    def _users(self, export: str) -> list[str]:
        return [other.name for other in self._store.all(self._stack.region) if export in other.imports]

    def _change_all(self, scope: Scope, before: dict[str, StackResource], undo: list[Undo], made: list[StackResource]) -> None:
        included = _included(scope)
        self._refuse_unsupported(included)
        for logical_id in in_order(scope.template, included):
            if logical_id not in before:
                try:
                    self._create(scope, logical_id, included)
                finally:
                    made.append(self._stack.resources[logical_id])
            else:
                self._change(scope, before[logical_id], included, undo, made)
        for logical_id in set(self._stack.resources) - set(included):
            del self._stack.resources[logical_id]

    def _change(
        self, scope: Scope, old: StackResource, included: dict[str, Values], undo: list[Undo], made: list[StackResource]
    ) -> None:
        logical_id, item = old.logical_id, included[old.logical_id]
        kind, properties = _kind(old.type), self._properties(scope, item)
        resource = replace(_resource(scope, logical_id, item, included), physical_id=old.physical_id, attributes=old.attributes)
        resource.properties, resource.status, resource.updated_at = properties, old.status, old.updated_at
        replaced = kind.replaced_by(old.properties, properties)
        if replaced:
            self._check_rename(kind, old, properties, replaced)
            try:
                self._create(scope, logical_id, included, "UPDATE", _REPLACING)
            finally:
                made.append(self._stack.resources[logical_id])
            return
        self._stack.resources[logical_id] = resource
        if properties != old.properties or self._tags_before != _tags(self._stack.request):
            undo.append(lambda: self._revert(kind, resource, old))
            with self._recorded(resource, "UPDATE"):
                kind.check(properties)
                kind.update(self._context(logical_id), _existing(old), properties)
        scope.resources[logical_id] = resource.physical_id

    def _check_rename(self, kind: ResourceType, old: StackResource, properties: Values, replaced: list[str]) -> None:
        """Two resources of one name cannot exist side by side."""
        if kind.named_by and kind.named_by in properties and kind.named_by not in replaced:
            name = properties[kind.named_by]
            resource = replace(old)
            self._stack.resources[old.logical_id] = resource
            reason = (
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {name} and update the stack again."
            )
            self._stack.record_resource(resource, "UPDATE_FAILED", reason)
            raise ResourceFailed(reason)

    def _revert(self, kind: ResourceType, changed: StackResource, old: StackResource) -> None:
        """Undo a change in place."""
        now = _tags(self._stack.request)
        context = replace(self._context(old.logical_id), tags=self._tags_before, tags_before=now)
        with self._recorded(changed, "UPDATE"):
            kind.update(context, _existing(changed), old.properties)

    def _roll_back_update(
        self, before: dict[str, StackResource], request: Values, undo: list[Undo], made: list[StackResource]
    ) -> None:
        stack, failed = self._stack, False
        for step in reversed(undo):
            try:
                step()
            except ResourceFailed:
                failed = True
        stack.resources, stack.request = before, request
        if failed:
            stack.record("UPDATE_ROLLBACK_FAILED", "One or more resources could not be restored.")
            return
        stack.record("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        self._clean_up(made, on_create=True)
        stack.record("UPDATE_ROLLBACK_COMPLETE")

    def _clean_up(self, resources: list[StackResource], *, on_create: bool = False) -> None:
        """Delete resources that the stack no longer has; one that cannot be deleted is left, as CloudFormation does.

        `on_create` is the rollback of their creation.
        """
        for resource in reversed(_by_dependencies(resources)):
            replaced = resource.logical_id in self._stack.resources and not on_create
            if _keeps(resource.replace_policy if replaced else resource.deletion_policy, on_create):
                self._stack.record_resource(replace(resource), "DELETE_SKIPPED")
                continue
            try:
                self._delete(replace(resource))
            except ResourceFailed:
                continue

    # --- deletion ------------------------------------------------------------------------------------------------------

    def delete(self, retained: Sequence[str]) -> None:
        """Delete every resource but those of `retained` and those with a retaining DeletionPolicy."""
        used = self._exports_in_use()
        if used:
            self._stack.record("DELETE_FAILED", used)
            return
        failed = self._delete_resources(retained=retained)
        if failed:
            self._stack.record("DELETE_FAILED", _not_deleted(failed))
        else:
            self._deleted()

    def _deleted(self) -> None:
        stack = self._stack
        stack.outputs, stack.imports = [], set()
        stack.record("DELETE_COMPLETE")
        stack.deleted_at = stack.events[-1].at

    def _exports_in_use(self) -> str:
        for output in self._stack.outputs:
            name = output.get("ExportName")
            users = self._users(name) if name else []
            if users:
                return f"Export {name} cannot be deleted as it is in use by {' and '.join(users)}"
        return ""

    def _delete_resources(self, *, on_create: bool = False, retained: Sequence[str] = ()) -> list[str]:
        """Delete resources, dependent ones first; returns those that could not be deleted."""
        stack, failed = self._stack, []
        left: list[StackResource] = []
        for resource in reversed(_by_dependencies(list(stack.resources.values()))):
            if resource.status == "DELETE_COMPLETE":
                continue
            keeps = _keeps(resource.deletion_policy, on_create) and resource.physical_id
            if keeps or resource.logical_id in retained:
                stack.record_resource(resource, "DELETE_SKIPPED")
                continue
            if any(resource.logical_id in other.depends_on for other in left):
                left.append(resource)
                continue
            try:
                self._delete(resource)
            except ResourceFailed:
                left.append(resource)
                failed.append(resource.logical_id)
        return failed

    def _delete(self, resource: StackResource) -> None:
        """Delete one resource; raises ResourceFailed."""
        kind = resource_type(resource.type)
        with self._recorded(resource, "DELETE"):
            if resource.physical_id and kind is not None:
                kind.delete_if_exists(self._context(resource.logical_id), _existing(resource))

    # --- parts ---------------------------------------------------------------------------------------------------------

    def _properties(self, scope: Scope, item: Values) -> Values:
        try:
            properties = scope.resolve(item.get("Properties", {}))
        except StackError as error:
            raise ResourceFailed(error.message) from error
        if not isinstance(properties, dict):
            raise ResourceFailed("Properties validation failed: #: expected type: JSONObject")
        return properties

    def _context(self, logical_id: str) -> Context:
        tags = _tags(self._stack.request)
        return Context(self._calls, self._stack.name, logical_id, tags, self._tags_before, self._wait)

    def _wait(self, poll: Callable[[], Any]) -> Any:
        pause = _FIRST_POLL_SECONDS
        while not (found := poll()):
            if self._cancelled.wait(pause):
                raise OperationCancelled
            pause = min(2 * pause, _MAX_POLL_SECONDS)
        return found

    @contextmanager
    def _recorded(self, resource: StackResource, word: str, why: str = "") -> Iterator[None]:
        """Record the start and the end of an operation on a resource; errors of its calls become ResourceFailed."""
        self._check_cancelled()
        self._stack.record_resource(resource, f"{word}_IN_PROGRESS", why)
        try:
            yield
        except (ResourceFailed, ClientError, BotoCoreError, LookupError, TypeError, ValueError) as error:
            reason = _reason(error)
            self._stack.record_resource(resource, f"{word}_FAILED", reason)
            raise ResourceFailed(reason) from error
        self._stack.record_resource(resource, f"{word}_COMPLETE")

    def _check_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise OperationCancelled

    def _failures(self, word: str) -> str:
        failed = [resource.logical_id for resource in self._stack.resources.values() if resource.status.endswith("_FAILED")]
        return f"The following resource(s) failed to {word}: [{', '.join(failed)}]." if failed else ""


def _reason(error: Exception) -> str:
    """The status reason of a resource; of an API's error with its service and status, as CloudFormation adds them."""
    if isinstance(error, ClientError):
        details, metadata = error.response["Error"], error.response.get("ResponseMetadata", {})
        request_id, status = metadata.get("RequestId", ""), metadata.get("HTTPStatusCode", "")
        return f"{details.get('Message', '')} ({details['Code']}; Status Code: {status}; Request ID: {request_id})"
    if isinstance(error, ResourceFailed | BotoCoreError):
        return str(error)
    return f"Properties validation failed: {type(error).__name__}: {error}"


def _keeps(policy: str, on_create: bool) -> bool:
    """Whether a resource outlives its deletion from the stack; `on_create`: by the rollback of its creation."""
    return policy == "Retain" or (policy == "RetainExceptOnCreate" and not on_create)


def _unsupported(kind: str) -> str:
    return f"Resource type {kind} is not supported by the local AWS."


def _not_deleted(failed: list[str]) -> str:
    return f"The following resource(s) failed to delete: [{', '.join(failed)}]. "


def _kind(name: str) -> ResourceType:
    kind = resource_type(name)
    if kind is None:
        raise ResourceFailed(_unsupported(name))
    return kind


def _included(scope: Scope) -> dict[str, Values]:
    return {logical_id: item for logical_id, item in scope.template.resources.items() if scope.included(item)}


def _resource(scope: Scope, logical_id: str, item: Values, included: dict[str, Values]) -> StackResource:
    deletion = item.get("DeletionPolicy", "Delete")
    return StackResource(
        logical_id,
        item["Type"],
        {},
        deletion_policy=deletion,
        replace_policy=item.get("UpdateReplacePolicy", "Delete"),
        depends_on=scope.template.dependencies(logical_id, included),
    )


def _existing(resource: StackResource) -> Existing:
    return Existing(resource.physical_id, resource.attributes, resource.properties)


def _by_dependencies(resources: list[StackResource]) -> list[StackResource]:
    """Resources so that each follows those it depends on."""
    names, ordered = {resource.logical_id for resource in resources}, list[StackResource]()
    waiting = list(resources)
    while waiting:
        done = {resource.logical_id for resource in ordered} | names - {resource.logical_id for resource in waiting}
        ready = [resource for resource in waiting if not (resource.depends_on & names) - done] or waiting
        ordered += ready
        waiting = [resource for resource in waiting if resource not in ready]
    return ordered


def _tags(request: Values) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}


def outputs_of(scope: Scope, store: StackStore, stack: Stack) -> list[Values]:
    """The outputs of a stack in the form of DescribeStacks; raises StackError, also for an export that another stack has."""
    found: list[Values] = []
    for name, output in scope.template.outputs.items():
        if not scope.included(output):
            continue
        value = scope.resolve(output.get("Value"))
        if isinstance(value, list | dict):
            raise StackError(
                "ValidationError",
                f"Template format error: Output {name} is malformed. The Value field of every Outputs member "
                f"must evaluate to a String.",
            )
        made = {"OutputKey": name, "OutputValue": str(value).lower() if isinstance(value, bool) else str(value)}
        if "Description" in output:
            made["Description"] = output["Description"]
        if "Export" in output:
            export = str(scope.resolve(output["Export"]["Name"]))
            owner = store.exports(stack.region).get(export)
            if owner is not None and owner[0] is not stack:
                raise StackError(
                    "ValidationError",
                    f"Export with name {export} is already exported by stack {owner[0].name}. Rollback requested by user.",
                )
            made["ExportName"] = export
        found.append(made)
    return found
