"""One name and one shape per concept: a field of async-inference is the same field in the module that uses it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from module_tables import parse_type

_VARIABLE = re.compile(r'^variable "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_TYPE = re.compile(r"^  type += (.*?)(?=^  [\w#])", re.MULTILINE | re.DOTALL)

# By variable of async-inference: prefixes of its fields, and the variables that have those fields under the same names; several
# where each module takes the fields of its own resources.
USED_BY = {
    "access": {"": "iam/access"},
    "endpoint": {"": "endpoint-config/variants.*."},
    "guardrails": {"": "endpoint/guardrails"},
    "http_api": {"": "webhooks/http_api"},
    "logs": {"": "endpoint/logs"},
    "model": {"containers[*].": "model/container/container", "": "model/model"},
    "monitoring": {"": "monitoring/monitoring"},
    "names": {"": "storage/names notifications/names model/names endpoint/names.*."},
    "network": {"": "model/network"},
    "notifications": {"": "notifications/notifications"},
    "scaling": {"": "endpoint/scaling.*."},
    "storage": {"": "storage/storage"},
}
# Used by async-inference itself: by its outputs, by endpoint-config's inference.async, as the list of containers, or instead of
# module storage.
OWN = {
    "endpoint": {"max_concurrent_invocations", "request_ttl_seconds"},
    "model": {"containers"},
    "names": {"endpoint", "tracking_policy", "variant"},
    "notifications": {"include_response_in"},
    "storage": {"encrypt_results", "shared"},
}


def fields(checkout: Path, module: str, variable: str, below: str = "") -> dict[str, str]:
    """Types of a variable's fields by path, those below a path alone."""
    text = (checkout / "modules" / module / "variables.tf").read_text()
    body = next(body for name, body in _VARIABLE.findall(text) if name == variable)
    declared = _TYPE.search(body)
    assert declared
    found = {path.removeprefix("."): field.type.name for path, field in parse_type(declared[1]).fields.items()}
    return {path.removeprefix(below): kind for path, kind in found.items() if path.startswith(below)}


@pytest.mark.parametrize("variable", USED_BY)
def test_fields_have_the_name_and_type_that_their_module_gives_them(checkout: Path, variable: str) -> None:
    offered = {
        path: kind
        for path, kind in fields(checkout, "async-inference", variable).items()
        if path.partition(".")[0] not in OWN.get(variable, set())
    }

    used: dict[str, str] = {}
    for prefix, targets in USED_BY[variable].items():
        for target in targets.split():
            module, _, name = target.rpartition("/")
            name, _, below = name.partition(".")
            used |= {prefix + path: kind for path, kind in fields(checkout, module, name, below).items()}

    assert offered.items() <= used.items()


def test_objects_are_passed_on_as_a_whole(checkout: Path) -> None:
    text = (checkout / "modules/async-inference/main.tf").read_text()
    taken_apart = set(re.findall(r"var\.(\w+\.\w+)", text)) - {
        f"{variable}.{field}" for variable, own in OWN.items() for field in own
    }

    assert taken_apart == {
        "endpoint.core_dump_uri",  # for the permissions of the execution role
        "endpoint.enable_ssm_access",  # likewise
        "endpoint.instance_type",  # for the processor of the image
        "guardrails.new_fleet_only",  # for the alarms that module monitoring creates
        "guardrails.rollback_on",  # for the names of alarms that the execution role may read
        "names.error_topic",  # for the policy of the key
        "names.success_topic",  # likewise
        "notifications.subscriptions",  # for the functions whose policies the deployer reads
        "notifications.topics",  # for the policy of the key
    }


def test_both_bodies_of_a_container_are_the_same(checkout: Path) -> None:
    text = (checkout / "modules/model/main.tf").read_text()
    [primary] = re.findall(
        r'^  dynamic "primary_container" \{\n.*?\n    content \{\n(.*?)^    \}\n', text, re.MULTILINE | re.DOTALL
    )
    [several] = re.findall(r'^  dynamic "container" \{\n.*?\n    content \{\n(.*?)^    \}\n', text, re.MULTILINE | re.DOTALL)

    assert primary == several
