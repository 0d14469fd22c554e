"""The CloudFormation API: each action is one method; responses follow the service's model."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from moto.core.serialize import QuerySerializer, SerializationContext
from moto.core.utils import get_service_model
from werkzeug.wrappers import Response

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.access import iam_store
from async_endpoint.emulator.api_calls import call_of
from async_endpoint.emulator.auth.identities import Caller, CallerKind
from async_endpoint.emulator.call_parameters import parameters_of
from async_endpoint.emulator.cloudformation import descriptions
from async_endpoint.emulator.cloudformation.aws_calls import InProcessCalls
from async_endpoint.emulator.cloudformation.change_sets import changes_of
from async_endpoint.emulator.cloudformation.deployment import Deployment, outputs_of
from async_endpoint.emulator.cloudformation.errors import StackError, missing_stack, validation_error
from async_endpoint.emulator.cloudformation.intrinsics import Scope
from async_endpoint.emulator.cloudformation.references import (
    in_order,
    needed_capability,
    scope_of,
    stored_parameter,
)
from async_endpoint.emulator.cloudformation.requests import (
    check_name,
    check_options,
    check_request,
    given_parameters,
    template_text,
)
from async_endpoint.emulator.cloudformation.service import SERVICE, CloudFormation
from async_endpoint.emulator.cloudformation.stacks import ChangeSet, Stack, Values, now, stack_id
from async_endpoint.emulator.cloudformation.template import Template, parameter_values
from async_endpoint.emulator.cloudformation.template_checks import check_included, check_template, check_types
from async_endpoint.emulator.error_responses import service_failure, unknown_action
from async_endpoint.emulator.wsgi import SCOPE, Application, Environ
from async_endpoint.iam import evaluate_trust
from async_endpoint.local_aws import ACCOUNT_ID

_PRINCIPAL: Final = "cloudformation.amazonaws.com"
_ROLE_KEY: Final = "ASIACLOUDFORMATION00"  # of its sessions of roles, which sign nothing
_UPDATABLE: Final = frozenset(
    ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED", "IMPORT_COMPLETE")
)
_DESCRIBED_RESOURCES: Final = 100  # botocore: DescribeStackResources returns the first 100, ListStackResources all
_NO_UPDATE: Final = "No updates are to be performed."
_NO_CHANGE: Final = "The submitted information didn't contain changes. Submit different information to create a change set."


def _check(template: Template) -> None:
    check_template(template)
    in_order(template, template.resources)  # raises for a circle


class CloudFormationApi:
    """The actions, as called by one caller."""

    def __init__(self, service: CloudFormation, application: Application, caller: Caller) -> None:
        self._service = service
        self._store = service.store
        self._application = application
        self._caller = caller
        self._region = ""

    def respond(self, environ: Environ) -> Response:
        """The response to a signed request."""
        call, scope = call_of(environ), SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        if call is None or scope is None:
            raise ValueError("the request is not signed")
        action = self._actions.get(call.action)
        if action is None:
            return unknown_action(call, environ)
        self._region = scope["region"]
        try:
            request = parameters_of(environ, call)
            check_request(call.action, request)
            document = action(self, request)
        except StackError as error:
            return service_failure(call, environ, error.code, error.message)
        except InvalidInput as error:
            return service_failure(call, environ, "ValidationError", str(error))
        operation = get_service_model(SERVICE).operation_model(call.action)
        request_id = str(uuid.uuid4())
        answer = QuerySerializer(operation, SerializationContext(request_id)).serialize(document)
        return Response(answer["body"], answer["status_code"], {"x-amzn-RequestId": request_id}, content_type="text/xml")

    # --- stacks --------------------------------------------------------------------------------------------------------

    def create_stack(self, request: Values) -> Values:
        name = check_name(request["StackName"])
        on_failure = check_options(request)
        with self._store.lock:
            there = self._store.named(self._region, name)
            if there is not None:
                raise StackError("AlreadyExistsException", f"Stack [{name}] already exists")
            stack = Stack(name, stack_id(self._region, name), self._region, {})
            scope, kept, calls = self._prepared(stack, request)
            stack.request, stack.protected = kept, bool(request.get("EnableTerminationProtection"))
            self._store.add(stack)
        stack.record("CREATE_IN_PROGRESS", "User Initiated")
        self._run(stack, calls, lambda deployment: deployment.create(scope, on_failure))
        return {"StackId": stack.id}

    def update_stack(self, request: Values) -> Values:
        stack = self._find(request["StackName"])
        on_failure = check_options(request)
        with self._store.lock:
            self._check_updatable(stack)
            scope, kept, calls = self._prepared(stack, request)
            if not self._differs(stack, kept, calls):
                raise validation_error(_NO_UPDATE)
            stack.record("UPDATE_IN_PROGRESS", "User Initiated")
            stack.updated_at = now()
        self._run(stack, calls, lambda deployment: deployment.update(scope, kept, roll_back=on_failure != "DO_NOTHING"))
        return {"StackId": stack.id}

    def delete_stack(self, request: Values) -> Values:
        stack = self._store.named(self._region, request["StackName"])
        if stack is None:
            return {}  # CloudFormation does not refuse it
        retained = request.get("RetainResources", [])
        with self._store.lock:
            if stack.status in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS"):
                return {}
            self._check_deletable(stack, retained)
            calls = self._calls(request.get("RoleARN") or stack.request.get("RoleARN"))
            wait = self._service.cancel_one(stack)
            stack.record("DELETE_IN_PROGRESS", "User Initiated")

        def delete(deployment: Deployment) -> None:
            wait()
            deployment.delete(retained)

        self._run(stack, calls, delete)
        return {}

    @staticmethod
    def _check_deletable(stack: Stack, retained: list[str]) -> None:
        """Raise StackError for a stack that is protected or being changed; a creation is ended by its deletion."""
        if stack.protected:
            raise validation_error(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        if retained and stack.status != "DELETE_FAILED":
            raise validation_error(
                "Invalid operation on stack. Specify RetainResources only when the stack is in the DELETE_FAILED state."
            )
        if stack.status.endswith("_IN_PROGRESS") and stack.status not in ("REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS"):
            raise validation_error(f"Stack [{stack.id}] cannot be deleted while in status {stack.status}")

    def _run(self, stack: Stack, calls: InProcessCalls, work: Callable[[Deployment], None]) -> None:
        def operate(cancelled: threading.Event) -> None:
            work(Deployment(stack, self._store, calls, cancelled))

        self._service.start(stack, operate)

    def _find(self, name: str) -> Stack:
        """A stack that is not deleted, by name or id."""
        stack = self._store.find(self._region, name)
        if stack.status == "DELETE_COMPLETE":
            raise missing_stack(name)
        return stack

    @staticmethod
    def _check_updatable(stack: Stack) -> None:
        if stack.status not in _UPDATABLE:
            raise validation_error(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")

    def _prepared(self, stack: Stack, request: Values) -> tuple[Scope, Values, InProcessCalls]:
        """The scope, the request to keep and the calls of an operation; raises StackError for what is refused at once."""
        kept = self._kept(stack, request)
        calls = self._calls(kept.get("RoleARN"))
        template = Template.parse(kept["TemplateBody"])
        _check(template)
        check_types(template, {name: item.type for name, item in stack.resources.items() if item.physical_id})
        capability = needed_capability(template)
        capabilities = request.get("Capabilities") or []
        if capability and capability not in capabilities and "CAPABILITY_NAMED_IAM" not in capabilities:
            raise StackError("InsufficientCapabilitiesException", f"Requires capabilities : [{capability}]")
        previous = {item["ParameterKey"]: item["ParameterValue"] for item in stack.request.get("Parameters", [])}
        values = parameter_values(template, given_parameters(request, previous), {}, lambda name: stored_parameter(calls, name))
        kept["Parameters"] = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
        scope = scope_of(stack, template, values, self._store, calls)
        scope.check_rules()
        for name in template.conditions:
            scope.condition(name)
        for item in (*template.resources.values(), *template.outputs.values()):
            scope.included(item)
        check_included(template, scope)
        return scope, kept, calls

    def _kept(self, stack: Stack, request: Values) -> Values:
        """The parts of a request that a stack keeps; what an update leaves out stays as it is."""
        text = stack.request.get("TemplateBody") if request.get("UsePreviousTemplate") else None
        before = stack.request
        return {
            "TemplateBody": text or template_text(request, self._calls(None)),
            "Capabilities": list(request.get("Capabilities") or []),
            "DisableRollback": bool(request.get("DisableRollback")),
            "Tags": request["Tags"] if "Tags" in request else before.get("Tags", []),
            "RoleARN": request.get("RoleARN") or before.get("RoleARN", ""),
            "ClientRequestToken": request.get("ClientRequestToken", ""),
        }

    def _calls(self, role_arn: str | None) -> InProcessCalls:
        """Calls as the caller, or as the role that CloudFormation assumes for the stack."""
        if not role_arn:
            return InProcessCalls(self._application, self._caller, self._region)
        name = role_arn.rpartition("/")[2]
        unique_id = getattr(iam_store.role(name), "unique_id", "")
        try:
            trust = moto_backends.role(role_arn).trust
            trusted = evaluate_trust(trust, _PRINCIPAL, {"aws:SourceAccount": ACCOUNT_ID}).allowed
        except (moto_backends.ResourceNotFound, InvalidInput):
            trusted = False
        if not trusted:
            raise validation_error(f"Role {role_arn} is invalid or cannot be assumed")
        session = f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/{name}/AWSCloudFormation"
        caller = Caller(session, ACCOUNT_ID, _ROLE_KEY, CallerKind.ASSUMED_ROLE, f"{unique_id}:AWSCloudFormation")
        return InProcessCalls(self._application, caller, self._region)

    def _differs(self, stack: Stack, kept: Values, calls: InProcessCalls) -> bool:
        """Whether an update changes resources, outputs or tags."""
        changes, scope = self._changes(stack, kept, calls)
        if changes:
            return True
        imports = set(stack.imports)
        try:
            return outputs_of(scope, self._store, stack) != stack.outputs
        except StackError:
            return True
        finally:
            stack.imports = imports

    def _changes(self, stack: Stack, kept: Values, calls: InProcessCalls) -> tuple[list[Values], Scope]:
        template = Template.parse(kept["TemplateBody"])
        values = {item["ParameterKey"]: item["ParameterValue"] for item in kept["Parameters"]}
        imports = set(stack.imports)
        scope = scope_of(stack, template, values, self._store, calls)
        changes = changes_of(stack, scope, new_tags=kept["Tags"] != stack.request.get("Tags", []))
        stack.imports = imports
        return changes, scope

    def continue_update_rollback(self, request: Values) -> Values:
        stack = self._find(request["StackName"])
        if stack.status != "UPDATE_ROLLBACK_FAILED":
            raise validation_error(f"Stack:{stack.id} is in {stack.status} state and can not continue rollback.")
        raise validation_error(
            f"The local AWS cannot continue the rollback of stack {stack.name}; delete the stack and create it again."
        )

    def update_termination_protection(self, request: Values) -> Values:
        stack = self._find(request["StackName"])
        stack.protected = bool(request["EnableTerminationProtection"])
        return {"StackId": stack.id}

    # --- change sets ---------------------------------------------------------------------------------------------------

    def create_change_set(self, request: Values) -> Values:
        kind = request.get("ChangeSetType", "UPDATE")
        if kind not in ("CREATE", "UPDATE"):
            raise validation_error(f"Change sets of type {kind} are not emulated by the local AWS.")
        name = check_name(request["ChangeSetName"], "changeSetName")
        check_options(request)
        with self._store.lock:
            stack = self._reviewed(request["StackName"], kind)
            if name in stack.change_sets:
                raise StackError(
                    "AlreadyExistsException",
                    f"ChangeSet {name} cannot be created due to a mismatch with existing attribute Template",
                )
            try:
                _, kept, calls = self._prepared(stack, request)
                changes, _ = self._changes(stack, kept, calls)
                changed = bool(changes) or self._differs(stack, kept, calls)
            except StackError:
                if kind == "CREATE" and not stack.change_sets and stack.status == "REVIEW_IN_PROGRESS":
                    self._store.discard(stack)
                raise
            arn = f"arn:aws:cloudformation:{self._region}:{ACCOUNT_ID}:changeSet/{name}/{uuid.uuid4()}"
            status, reason = ("CREATE_COMPLETE", "") if changed else ("FAILED", _NO_CHANGE)
            options = {"OnStackFailure": request.get("OnStackFailure", ""), "Description": request.get("Description", "")}
            stack.change_sets[name] = ChangeSet(name, arn, kind, kept | options, now(), status, reason, changes)
        return {"Id": arn, "StackId": stack.id}

    def _reviewed(self, name: str, kind: str) -> Stack:
        """The stack of a new change set; one to be created is in review."""
        if kind == "UPDATE":
            stack = self._find(name)
            self._check_updatable(stack)
            return stack
        there = self._store.named(self._region, name)
        if there is not None and there.status == "REVIEW_IN_PROGRESS":
            return there
        if there is not None:
            raise validation_error(f"Stack [{name}] already exists and cannot be created again with the changeSet.")
        stack = Stack(check_name(name), stack_id(self._region, name), self._region, {})
        self._store.add(stack)
        stack.record("REVIEW_IN_PROGRESS", "User Initiated")
        return stack

    def describe_change_set(self, request: Values) -> Values:
        stack, change_set = self._change_set(request)
        return descriptions.change_set(stack, change_set)

    def execute_change_set(self, request: Values) -> Values:
        stack, change_set = self._change_set(request)
        kept = {key: value for key, value in change_set.request.items() if key not in ("OnStackFailure", "Description")}
        kept["DisableRollback"] = bool(request.get("DisableRollback", kept["DisableRollback"]))
        with self._store.lock:
            template = Template.parse(kept["TemplateBody"])
            values = {item["ParameterKey"]: item["ParameterValue"] for item in kept["Parameters"]}
            calls = self._calls(kept["RoleARN"])
            scope = scope_of(stack, template, values, self._store, calls)
            creates = change_set.kind == "CREATE"
            self._check_executable(stack, change_set)
            stack.record("CREATE_IN_PROGRESS" if creates else "UPDATE_IN_PROGRESS", "User Initiated")
            change_set.executed = "EXECUTE_COMPLETE"
            stack.change_sets = {change_set.name: change_set}  # the others are no longer valid
        if creates:
            stack.request = kept
            how = "DO_NOTHING" if kept["DisableRollback"] else change_set.request["OnStackFailure"] or "ROLLBACK"
            self._run(stack, calls, lambda deployment: deployment.create(scope, how))
        else:
            stack.updated_at = now()
            self._run(stack, calls, lambda deployment: deployment.update(scope, kept, roll_back=not kept["DisableRollback"]))
        return {}

    def _check_executable(self, stack: Stack, change_set: ChangeSet) -> None:
        """Raise StackError unless a change set can be executed in the state that its stack has."""
        if change_set.status != "CREATE_COMPLETE" or change_set.executed:
            raise StackError(
                "InvalidChangeSetStatus",
                f"ChangeSet [{change_set.arn}] cannot be executed in its current status of "
                f"[{change_set.executed or change_set.status}]",
            )
        if change_set.kind == "UPDATE":
            self._check_updatable(stack)

    def delete_change_set(self, request: Values) -> Values:
        try:
            stack, change_set = self._change_set(request)
        except StackError as error:
            if error.code == "ChangeSetNotFound":
                return {}
            raise
        stack.change_sets.pop(change_set.name, None)
        return {}

    def list_change_sets(self, request: Values) -> Values:
        stack = self._find(request["StackName"])
        return {"Summaries": [descriptions.change_set_summary(stack, item) for item in stack.change_sets.values()]}

    def _change_set(self, request: Values) -> tuple[Stack, ChangeSet]:
        name = request["ChangeSetName"]
        stacks = [self._find(request["StackName"])] if request.get("StackName") else self._store.all(self._region)
        for stack in stacks:
            for change_set in stack.change_sets.values():
                if name in (change_set.name, change_set.arn):
                    return stack, change_set
        raise StackError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist")

    # --- descriptions --------------------------------------------------------------------------------------------------

    def describe_stacks(self, request: Values) -> Values:
        name = request.get("StackName")
        stacks = [self._store.find(self._region, name)] if name else self._store.all(self._region)
        return descriptions.page("Stacks", [descriptions.stack(item) for item in stacks], request)

    def list_stacks(self, request: Values) -> Values:
        wanted = request.get("StackStatusFilter") or []
        stacks = self._store.all(self._region, deleted=True)
        found = [descriptions.summary(item) for item in stacks if not wanted or item.status in wanted]
        return descriptions.page("StackSummaries", found, request)

    def describe_stack_events(self, request: Values) -> Values:
        stack = self._store.find(self._region, request["StackName"])
        return descriptions.page("StackEvents", descriptions.events(stack), request)

    def describe_stack_resource(self, request: Values) -> Values:
        stack = self._store.find(self._region, request["StackName"])
        resource = stack.resources.get(request["LogicalResourceId"])
        if resource is None:
            raise validation_error(f"Resource {request['LogicalResourceId']} does not exist for stack {stack.name}")
        return {"StackResourceDetail": descriptions.resource(stack, resource, detailed=True)}

    def describe_stack_resources(self, request: Values) -> Values:
        physical = request.get("PhysicalResourceId")
        if request.get("StackName"):
            stack = self._store.find(self._region, request["StackName"])
        else:
            owners = self._store.all(self._region)
            owned = [one for one in owners if physical in [item.physical_id for item in one.resources.values()]]
            if not owned:
                raise validation_error(f"Stack for {physical} does not exist")
            stack = owned[0]
        wanted = request.get("LogicalResourceId")
        found = [item for item in stack.resources.values() if wanted in (None, item.logical_id)]
        return {"StackResources": [descriptions.resource(stack, item) for item in found[:_DESCRIBED_RESOURCES]]}

    def list_stack_resources(self, request: Values) -> Values:
        stack = self._store.find(self._region, request["StackName"])
        found = [descriptions.resource_summary(item) for item in stack.resources.values()]
        return descriptions.page("StackResourceSummaries", found, request)

    def list_exports(self, request: Values) -> Values:
        exports = self._store.exports(self._region)
        found = [{"ExportingStackId": stack.id, "Name": name, "Value": value} for name, (stack, value) in exports.items()]
        return descriptions.page("Exports", found, request)

    def list_imports(self, request: Values) -> Values:
        name = request["ExportName"]
        users = [stack.name for stack in self._store.all(self._region) if name in stack.imports]
        if not users:
            raise validation_error(f"Export '{name}' is not imported by any stack.")
        return descriptions.page("Imports", users, request)

    def get_template(self, request: Values) -> Values:
        stack = self._store.find(self._region, request["StackName"])
        found = stack.request
        if request.get("ChangeSetName"):
            found = self._change_set(request)[1].request
        return {"TemplateBody": found.get("TemplateBody", ""), "StagesAvailable": ["Original", "Processed"]}

    def validate_template(self, request: Values) -> Values:
        return descriptions.template_summary(self._parsed(request), defaults_only=True)

    def get_template_summary(self, request: Values) -> Values:
        if request.get("StackName"):
            template = Template.parse(self._find(request["StackName"]).request["TemplateBody"])
        else:
            template = self._parsed(request)
        return descriptions.template_summary(template)

    def _parsed(self, request: Values) -> Template:
        template = Template.parse(template_text(request, self._calls(None)))
        _check(template)
        return template

    def describe_account_limits(self, _: Values) -> Values:
        return {"AccountLimits": [{"Name": "StackLimit", "Value": 2000}, {"Name": "StackOutputsLimit", "Value": 200}]}

    _actions: ClassVar[Mapping[str, Callable[[CloudFormationApi, Values], Values]]] = {
        "ContinueUpdateRollback": continue_update_rollback,
        "CreateChangeSet": create_change_set,
        "CreateStack": create_stack,
        "DeleteChangeSet": delete_change_set,
        "DeleteStack": delete_stack,
        "DescribeAccountLimits": describe_account_limits,
        "DescribeChangeSet": describe_change_set,
        "DescribeStackEvents": describe_stack_events,
        "DescribeStackResource": describe_stack_resource,
        "DescribeStackResources": describe_stack_resources,
        "DescribeStacks": describe_stacks,
        "ExecuteChangeSet": execute_change_set,
        "GetTemplate": get_template,
        "GetTemplateSummary": get_template_summary,
        "ListChangeSets": list_change_sets,
        "ListExports": list_exports,
        "ListImports": list_imports,
        "ListStackResources": list_stack_resources,
        "ListStacks": list_stacks,
        "UpdateStack": update_stack,
        "UpdateTerminationProtection": update_termination_protection,
        "ValidateTemplate": validate_template,
    }
