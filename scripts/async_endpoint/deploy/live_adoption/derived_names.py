"""Names that module async-inference gives what it creates, as far as something that exists may have one of them.

Such a resource cannot be imported under field `names`: the module has that name at another address. Nor can it be left out:
CreateTopic succeeds for a topic that exists, which would get another policy; a bucket or a role would be refused in the apply.
"""

from __future__ import annotations

from collections.abc import Iterator

from async_endpoint.core.errors import InvalidInput
from async_endpoint.deploy.live_adoption.adopted_call import AdoptedCall
from async_endpoint.deploy.live_adoption.resources import LiveResource


def require_distinct_names(call: AdoptedCall) -> None:
    """Raise InvalidInput where a resource of the endpoint has the name of one that the module would create.

    `call.names` must have all that is imported.
    """
    for resource, is_imported in _clashes(call):
        refer = f", or refer to the {resource.label} instead of importing it" if is_imported else ""
        raise InvalidInput(
            f"{resource.label.capitalize()} {resource.name} has the name that the {resource.label} of endpoint "
            f"{call.naming.name} of {call.naming.environment_name} would have if it were created there; give another "
            f"--name{refer}."
        )


def _clashes(call: AdoptedCall) -> Iterator[tuple[LiveResource, bool]]:
    """Resources with such a name, and whether they would be imported."""
    inventory, derived = call.inventory, f"{call.naming.name}-{call.naming.environment_name}"
    names = {
        "bucket": f"{derived}-{inventory.account}-{inventory.region}",
        "role": f"{derived}-{inventory.region}-execution",
    }
    for field, resource in (("bucket", inventory.bucket), ("role", inventory.role)):
        if resource is not None and call.names.get(field) == names[field]:
            yield resource, True
    created = {f"{derived}-{outcome}" for outcome in {"error", "success"} - inventory.topics.keys()}
    for topic in (one.resource for one in inventory.topics.values()):
        is_imported = topic.name in (call.names.get("error_topic"), call.names.get("success_topic"))
        is_own = topic.arn.split(":")[4] == inventory.account
        if topic.name in ({f"{derived}-error", f"{derived}-success"} if is_imported else created if is_own else ()):
            yield topic, is_imported
