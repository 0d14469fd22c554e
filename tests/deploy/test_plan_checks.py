"""Plans that plan and apply refuse before anything changes: two resources of one name, an endpoint that no output lists."""

from __future__ import annotations

from typing import Any

import pytest

from async_endpoint.core.errors import InvalidInput
from async_endpoint.deploy.apply import apply_environment
from async_endpoint.deploy.plan import plan_environment
from async_endpoint.deploy.plan_checks import require_unique_names, unlisted_endpoints
from support.deployment_fixtures import prepared
from support.plan_documents import change, creation, plan_document

Document = dict[str, Any]
TOPIC = {"name": "shirts-success"}
TWO_ENDPOINTS = r"^dev has two endpoints named shirts: module\.coats and module\.shirts; rename one in envs/dev/main\.tf\.$"


def endpoint(call: str) -> str:
    return f"module.{call}.module.endpoint.aws_sagemaker_endpoint.this"


def topic(call: str) -> str:
    return f"module.{call}.module.notifications.aws_sns_topic.this"


def created(*calls: str) -> list[Document]:
    """Creations of an endpoint named shirts, and its topic, by each module call."""
    return [creation(f(call), name=name) for call in calls for f, name in ((endpoint, "shirts"), (topic, "shirts-success"))]


def refused(document: Document) -> str:
    with pytest.raises(InvalidInput) as refusal:
        require_unique_names("dev", document)
    return str(refusal.value)


def test_two_creations_of_one_name_are_refused_by_their_endpoints() -> None:
    with pytest.raises(InvalidInput, match=TWO_ENDPOINTS):
        require_unique_names("dev", plan_document(*created("shirts", "coats")))


def test_a_creation_with_a_name_that_the_state_has_at_another_address_is_refused() -> None:
    state = {endpoint("shirts"): {"name": "shirts"}, topic("shirts"): TOPIC}
    with pytest.raises(InvalidInput, match=TWO_ENDPOINTS):
        require_unique_names("dev", plan_document(*created("coats"), state=state))


@pytest.mark.usefixtures("checkout")
def test_plan_and_apply_refuse_before_anything_changes(terraform: Any) -> None:
    state = {endpoint("shirts"): {"name": "shirts"}, topic("shirts"): TOPIC}
    terraform.document = plan_document(*created("coats"), state=state)
    for command in (plan_environment, apply_environment):
        with pytest.raises(InvalidInput, match=TWO_ENDPOINTS):
            command(prepared())
    assert "apply" not in terraform.did


@pytest.mark.parametrize(
    ("kind", "attributes", "shown"),
    [
        ("aws_sqs_queue", {"name": "q"}, "queues named q"),
        ("aws_s3_bucket", {"bucket": "b"}, "buckets named b"),
        ("aws_iam_policy", {"name": "p"}, "policies named p"),
        ("aws_cloudwatch_metric_alarm", {"alarm_name": "a"}, "alarms named a"),
        ("aws_cloudwatch_log_group", {"name": "/l"}, "log groups named /l"),
        ("aws_kms_alias", {"name": "alias/k"}, "key aliases named alias/k"),
        ("aws_appautoscaling_target", {"resource_id": "endpoint/e/variant/v"}, "scalable targets named endpoint/e/variant/v"),
    ],
)
def test_every_kind_that_has_a_name(kind: str, attributes: dict[str, Any], shown: str) -> None:
    document = plan_document(creation(f"{kind}.one", **attributes), creation(f"{kind}.two", **attributes))
    assert refused(document) == f"dev has two {shown}: {kind}.one and {kind}.two; rename one in envs/dev/main.tf."


@pytest.mark.parametrize(
    "document",
    [
        plan_document(  # a module call that was renamed
            change(topic("shirts"), ["delete"], TOPIC), creation(topic("coats"), **TOPIC), state={topic("shirts"): TOPIC}
        ),
        plan_document(  # the same with a `moved` block
            change(topic("coats"), ["no-op"], TOPIC, TOPIC) | {"previous_address": topic("shirts")},
            creation("aws_sns_topic.other", name="other"),
            state={topic("shirts"): TOPIC, topic("coats"): TOPIC},
        ),
        plan_document(change(topic("shirts"), ["delete", "create"], TOPIC, TOPIC), state={topic("shirts"): TOPIC}),
        plan_document(creation("aws_sns_topic.a"), creation("aws_sns_topic.b")),  # names unknown until the apply
        plan_document(creation("aws_sns_topic.a", name="n"), creation("aws_sqs_queue.a", name="n")),
        {},
    ],
    ids=["renamed", "moved", "replaced", "unknown", "kinds", "empty"],
)
def test_a_name_that_only_one_resource_has_afterwards_is_accepted(document: Document) -> None:
    require_unique_names("dev", document)


def test_the_same_name_in_another_region_is_accepted() -> None:
    document = plan_document(creation("module.a.aws_sns_topic.t[0]", name="n"), creation("module.b.aws_sns_topic.t", name="n"))

    def module(key: str) -> Document:
        resource = {"type": "aws_sns_topic", "name": "t", "mode": "managed", "provider_config_key": key}
        return {"module": {"resources": [resource]}}

    document["configuration"]["root_module"] = {"module_calls": {"a": module("aws"), "b": module("aws.america")}}
    require_unique_names("dev", document)
    document["configuration"]["root_module"]["module_calls"]["b"] = module("aws")
    assert refused(document).startswith("dev has two topics named n: module.a and module.b;")


def with_outputs(
    document: Document, calls: list[str], *, references: list[str], listed: list[str | None] | None = None
) -> Document:
    """`document` of a root with these async-inference modules, and an output `async_endpoints`.

    `listed` are the planned endpoints' names in it, None for one that is unknown; without it all of the output is unknown.
    """
    module = {"module": {"outputs": {"async_endpoint": {}}}}
    document["configuration"]["root_module"] = {
        "module_calls": dict.fromkeys(calls, module),
        "outputs": {"async_endpoints": {"expression": {"references": references}}},
    }
    value = {"after_unknown": True} if listed is None else {"after": {f"e{i}": _object(n) for i, n in enumerate(listed)}}
    return document | {"output_changes": {"async_endpoints": {"actions": ["update"]} | value}}


def _object(name: str | None) -> Document:
    return {"endpoint": {} if name is None else {"name": name}}


NEW = creation(endpoint("my_coats"), name="coats")
STATE = {endpoint("shirts"): {"name": "shirts"}}
BOTH = ["shirts", "my_coats"]
UNLISTED = (
    "envs/dev/outputs.tf does not list module.my_coats, so that no command would verify or find its endpoint; add to output "
    "async_endpoints: my-coats = module.my_coats.async_endpoint"
)


@pytest.mark.parametrize("listed", [["shirts"], ["shirts", None], None])
def test_an_endpoint_that_no_output_lists_is_refused_with_the_line_to_add(listed: list[str | None] | None) -> None:
    document = plan_document(NEW, state=STATE)
    with pytest.raises(InvalidInput) as refusal:
        unlisted_endpoints("dev", with_outputs(document, BOTH, references=["module.shirts.async_endpoint"], listed=listed))
    assert str(refusal.value) == UNLISTED


def test_a_root_without_the_output_is_refused() -> None:
    document = with_outputs(plan_document(NEW), ["my_coats"], references=[])
    del document["output_changes"], document["configuration"]["root_module"]["outputs"]
    with pytest.raises(InvalidInput, match=r"does not list module\.my_coats"):
        unlisted_endpoints("dev", document)


def test_an_endpoint_of_for_each_is_listed_by_its_key() -> None:
    document = plan_document(creation('module.text["a"].module.endpoint.aws_sagemaker_endpoint.this', name="a"))
    with pytest.raises(InvalidInput, match=r'async_endpoints: a = module\.text\["a"\]\.async_endpoint$'):
        unlisted_endpoints("dev", with_outputs(document, ["text"], references=[], listed=[]))


@pytest.mark.parametrize(
    ("references", "listed"),
    [
        (["local.all"], ["shirts", "coats"]),  # by the names
        (["module.shirts.async_endpoint", "module.shirts", "module.my_coats.async_endpoint", "module.my_coats"], None),
    ],
)
def test_listed_endpoints_are_accepted(references: list[str], listed: list[str | None] | None) -> None:
    document = with_outputs(plan_document(NEW, state=STATE), BOTH, references=references, listed=listed)
    assert unlisted_endpoints("dev", document) == []


def test_what_is_not_certain_is_a_notice() -> None:
    document = with_outputs(plan_document(NEW), ["my_coats"], references=["local.all"])
    [notice] = unlisted_endpoints("dev", document)
    assert notice.startswith(UNLISTED)


def test_an_endpoint_of_other_modules_need_not_be_listed() -> None:
    document = with_outputs(plan_document(NEW), ["shirts"], references=[], listed=[])
    assert unlisted_endpoints("dev", document) == []


@pytest.mark.usefixtures("checkout")
def test_plan_and_apply_refuse_an_endpoint_that_would_not_be_verified(terraform: Any) -> None:
    terraform.document = with_outputs(plan_document(NEW), ["my_coats"], references=[], listed=[])
    for command in (plan_environment, apply_environment):
        with pytest.raises(InvalidInput, match=r"does not list module\.my_coats"):
            command(prepared())
    assert "apply" not in terraform.did
