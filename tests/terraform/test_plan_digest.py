"""The digest of a plan's changes: what it ignores, and that any change gives another one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from async_endpoint.terraform.plan_digest import change_digests


def resource(address: str, actions: list[str], before: Any, after: Any, **more: Any) -> dict[str, Any]:
    change = {"actions": actions, "before": before, "after": after, "after_unknown": more.pop("unknown", {})} | more
    return {
        "address": address,
        "mode": "managed",
        "type": address.split(".")[-2],
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": change,
    }


def plan() -> dict[str, Any]:
    variant = {"instance_type": "ml.m5.large", "variant_name": "main"}
    return {
        "timestamp": "2026-11-30T09:00:00Z",
        "resource_changes": [
            resource(
                "module.a.aws_sagemaker_endpoint_configuration.this",
                ["create", "delete"],
                {"id": "a-1", "name": "a-1", "production_variants": [variant], "arn": "arn:a-1", "modified": "1"},
                {"name": "a-2", "production_variants": [variant | {"instance_type": "ml.m5.xlarge"}]},
                unknown={"id": True, "arn": True, "modified": True},
                replace_paths=[["production_variants", 0, "instance_type"], ["name"]],
            ),
            resource(
                "aws_sns_topic.this",
                ["update"],
                {"id": "t", "policy": "1", "owner": "x"},
                {"id": "t", "policy": "2", "owner": "x"},
            ),
            resource("aws_sqs_queue.old", ["delete"], {"id": "q", "name": "old", "visible_messages": 3}, None),
            resource("aws_s3_object.model", ["create"], None, {"key": "model"}, unknown={"etag": True, "version_id": True}),
            resource("aws_kms_key.this", ["no-op"], {"id": "k", "rotation": "x"}, {"id": "k", "rotation": "x"}),
            {"address": "data.aws_x.y", "mode": "data", "change": {"actions": ["read"], "before": None, "after": {}}},
        ],
        "output_changes": {
            "async_endpoints": {"actions": ["update"], "before": {"a": 1}, "after": {"a": 2}, "after_unknown": False},
            "same": {"actions": ["no-op"], "before": 1, "after": 1},
        },
        "resource_drift": [],
    }


def changes(document: dict[str, Any], number: int) -> dict[str, Any]:
    found: dict[str, Any] = document["resource_changes"][number]["change"]
    return found


NOISE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "when it was made": lambda it: it.update(timestamp="2026-12-01T00:00:00Z"),
    "the order of changes": lambda it: it["resource_changes"].reverse(),
    "drift that is left alone": lambda it: it["resource_drift"].append(resource("aws_x.y", ["update"], {"a": 1}, {"a": 2})),
    "a computed value that a refresh found, of an update": lambda it: [
        changes(it, 1)[side].update(owner="y") for side in ("before", "after")
    ],
    "a computed value that a refresh found, of a deletion": lambda it: changes(it, 2)["before"].update(visible_messages=9),
    "an unchanged resource": lambda it: [changes(it, 4)[side].update(rotation="y") for side in ("before", "after")],
    "what a data source reads": lambda it: it["resource_changes"][5]["change"].update(after={"a": 1}),
    "the order of unknown values": lambda it: changes(it, 3).update(after_unknown={"version_id": True, "etag": True}),
    "the order of what forces a replacement": lambda it: changes(it, 0)["replace_paths"].reverse(),
    "the old value of what is computed again": lambda it: changes(it, 0)["before"].update(modified="2"),
}
DIFFERENCES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a new value": lambda it: changes(it, 0)["after"]["production_variants"][0].update(instance_type="ml.m5.2xlarge"),
    "an old value": lambda it: changes(it, 1)["before"].update(policy="0"),
    "one change more": lambda it: it["resource_changes"].append(resource("aws_x.y", ["create"], None, {})),
    "one change fewer": lambda it: it["resource_changes"].pop(0),
    "another action": lambda it: changes(it, 1).update(actions=["delete", "create"]),
    "another order of a replacement": lambda it: changes(it, 0).update(actions=["delete", "create"]),
    "another address": lambda it: it["resource_changes"][1].update(address="aws_sns_topic.that"),
    "another object behind the address": lambda it: changes(it, 2)["before"].update(id="r"),
    "a value that becomes known after the apply": lambda it: changes(it, 1).update(after_unknown={"policy": True}),
    "a reason for the replacement": lambda it: changes(it, 0)["replace_paths"].pop(),
    "an output": lambda it: it["output_changes"]["async_endpoints"].update(after={"a": 3}),
    "a move": lambda it: it["resource_changes"][4].update(previous_address="aws_kms_key.that"),
    "an import": lambda it: changes(it, 4).update(importing={"id": "k"}),
    "a deposed object": lambda it: it["resource_changes"][2].update(deposed="12345678"),
    "an attribute that is set to null": lambda it: changes(it, 1)["after"].update(policy=None),
}


@pytest.mark.parametrize("name", NOISE)
def test_noise_does_not_count(name: str) -> None:
    other = copy.deepcopy(plan())
    NOISE[name](other)
    assert change_digests(other) == change_digests(plan())


@pytest.mark.parametrize("name", DIFFERENCES)
def test_every_change_counts(name: str) -> None:
    other = copy.deepcopy(plan())
    DIFFERENCES[name](other)
    assert change_digests(other) != change_digests(plan())


def test_changes_are_named_by_address_and_action() -> None:
    assert list(change_digests(plan())) == [
        "aws_s3_object.model: create",
        "aws_sns_topic.this: update",
        "aws_sqs_queue.old: delete",
        "module.a.aws_sagemaker_endpoint_configuration.this: replace",
        "output.async_endpoints: update",
    ]


def test_a_secret_is_in_the_digest_and_not_in_what_is_recorded() -> None:
    document, other = plan(), plan()
    for one, secret in ((document, "hunter2"), (other, "hunter3")):
        changes(one, 1)["after"]["policy"] = secret
        changes(one, 1)["after_sensitive"] = {"policy": True}
    assert change_digests(document) != change_digests(other)
    assert "hunter" not in str(change_digests(document))
