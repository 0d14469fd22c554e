"""The summary of a plan: settings in words, instances, cost, and the comment on a pull request."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from async_endpoint.capacity.bill import IdleItems, Usage, bill
from async_endpoint.capacity.price_items import ITEMS
from async_endpoint.capacity.prices import PriceList
from async_endpoint.core.markdown import MAX_CHARACTERS
from async_endpoint.deploy.endpoints import endpoint_plans
from async_endpoint.deploy.quotas import Need
from async_endpoint.deploy.summary.costs import MonthlyCost
from async_endpoint.deploy.summary.markdown import markdown, marker
from async_endpoint.deploy.summary.settings import SettingChange
from async_endpoint.deploy.summary.summary import ChangedResource, PlanSummary, plan_summary
from async_endpoint.deploy.summary.text import endpoint_lines
from support.deployment_fixtures import endpoint_outputs
from support.plan_documents import change, plan_document

MODULE = "module.shirts.module"
CONFIGURATION = f"{MODULE}.endpoint_config.aws_sagemaker_endpoint_configuration.this"
MODEL = f"{MODULE}.model.aws_sagemaker_model.this"
ENDPOINT = f"{MODULE}.endpoint.aws_sagemaker_endpoint.this"
TARGET = f"{MODULE}.endpoint.aws_appautoscaling_target.this"
SECRET = "hunter2"


def configuration(instance_type: str, count: int = 1, concurrent: int = 4) -> dict[str, Any]:
    client = {"max_concurrent_invocations_per_instance": concurrent}
    variant = {"variant_name": "main", "instance_type": instance_type, "initial_instance_count": count}
    return {"production_variants": [variant], "async_inference_config": [{"client_config": [client]}]}


def model(image: str = "registry/shirts:1", **environment: str) -> dict[str, Any]:
    container = {"image": image, "model_data_url": "s3://shirts/model/1/model.tar.gz", "environment": environment}
    return {"name": "shirts-model", "primary_container": [container]}


def target(least: int, most: int) -> dict[str, Any]:
    return {"resource_id": "endpoint/shirts/variant/main", "min_capacity": least, "max_capacity": most}


STATE: dict[str, dict[str, Any]] = {
    CONFIGURATION: configuration("ml.m5.xlarge") | {"name": "shirts-1"},
    MODEL: model(TOKEN=SECRET, MODE="a"),
    ENDPOINT: {"name": "shirts", "endpoint_config_name": "shirts-1"},
    TARGET: target(0, 2),
    f"{MODULE}.endpoint.aws_appautoscaling_policy.tracking": {"policy_type": "TargetTrackingScaling", "name": "shirts-backlog"},
    f"{MODULE}.endpoint.aws_cloudwatch_metric_alarm.wake": {"alarm_name": "wake"},
    f"{MODULE}.monitoring.aws_cloudwatch_metric_alarm.math": {
        "metric_query": [{"metric": [{}]}, {"metric": [{}]}, {"expression": "a"}]
    },
    f"{MODULE}.monitoring.aws_cloudwatch_dashboard.this": {},
    "module.storage.aws_kms_key.this": {},
}
IDLE = 5 * 0.10 + 3.00  # of the endpoint: two alarms of tracking, one that wakes, one of two metrics, a dashboard
KEY = 1.00


def prices_of(region: str) -> PriceList:
    return PriceList.load(region, today=date(2024, 6, 1))


def summary(*changes: dict[str, Any], needs: dict[str, list[Need]] | None = None) -> PlanSummary:
    document, endpoints = plan_document(*changes, state=STATE), {"shirts": endpoint_outputs()}
    return plan_summary(document, endpoint_plans(document, endpoints), endpoints, needs or {}, prices_of)


def update() -> list[dict[str, Any]]:
    """Another instance type, a secret and a scaling maximum."""
    replaced = change(CONFIGURATION, ["create", "delete"], STATE[CONFIGURATION], configuration("ml.g4dn.xlarge"))
    replaced["change"]["replace_paths"] = [["production_variants", 0, "instance_type"]]
    before = STATE[MODEL]
    after = model(TOKEN="hunter3", MODE="a", NEW=SECRET)
    return [
        replaced,
        change(MODEL, ["create", "delete"], before, after),
        change(ENDPOINT, ["update"], STATE[ENDPOINT], {"name": "shirts"}),
        change(TARGET, ["update"], target(0, 2), target(1, 4)),
    ]


def test_what_changes_is_said_in_words_without_values_that_may_be_secret() -> None:
    found = summary(
        *update(), needs={"shirts": [Need("eu-west-1", "ml.g4dn.xlarge", 1, 4), Need("eu-west-1", "ml.m5.xlarge", 2, 2)]}
    )
    shirts = found.endpoints["shirts"]
    assert shirts.action == "update"
    assert list(map(str, shirts.settings)) == [
        "instance type ml.m5.xlarge → ml.g4dn.xlarge",
        "scaling 0 to 2 instances → 1 to 4 instances",
        "environment variable TOKEN changed",
        "environment variable NEW set",
    ]
    assert shirts.during == {"ml.g4dn.xlarge": 1, "ml.m5.xlarge": 2}
    everything = f"{found} {list(endpoint_lines(found))} {markdown('dev', found, 'x', [], 'd')}"
    assert "hunter" not in everything


def test_cost_is_at_zero_minimum_and_maximum_before_and_after() -> None:
    found = summary(*update())
    assert found.endpoints["shirts"].cost_before == MonthlyCost(IDLE, IDLE, round(IDLE + 2 * 0.257 * 730, 2))
    gpu = 0.821 * 730
    assert found.endpoints["shirts"].cost_after == MonthlyCost(IDLE, round(IDLE + gpu, 2), round(IDLE + 4 * gpu, 2))
    assert found.cost_after == MonthlyCost(IDLE + KEY, round(IDLE + KEY + gpu, 2), round(IDLE + KEY + 4 * gpu, 2))
    assert f"US dollars a month: {IDLE:.2f} at zero instances, 3.50 → 602.83 at the minimum" in "\n".join(endpoint_lines(found))


def test_an_endpoint_with_another_name_keeps_its_instances_and_cost() -> None:
    renamed = change(ENDPOINT, ["delete", "create"], STATE[ENDPOINT], {"name": "shoes"})
    renamed["change"]["replace_paths"] = [["name"]]
    moved = target(0, 2) | {"resource_id": "endpoint/shoes/variant/main"}
    needs = {"shoes": [Need("eu-west-1", "ml.m5.xlarge", 1, 2)]}
    found = summary(renamed, change(TARGET, ["delete", "create"], target(0, 2), moved), needs=needs)
    shirts = found.endpoints["shirts"]
    assert (shirts.action, shirts.during) == ("replace", {"ml.m5.xlarge": 1})
    assert shirts.instances_after == shirts.instances_before != ()
    assert found.cost_after == found.cost_before
    row = "| **replaced** | because of name<br>name shirts → shoes | 1 ml.m5.xlarge | 0 to 2 |"
    assert row in markdown("dev", found, "x", [], "d")


def test_an_unchanged_endpoint_has_its_cost_too() -> None:
    found = summary()
    assert found.endpoints["shirts"].settings == ()
    assert found.cost_before == found.cost_after == MonthlyCost(IDLE + KEY, IDLE + KEY, round(IDLE + KEY + 2 * 0.257 * 730, 2))


def test_the_price_of_an_unknown_type_is_unknown_and_named() -> None:
    changed = change(CONFIGURATION, ["create", "delete"], STATE[CONFIGURATION], configuration("ml.g6e.xlarge"))
    found = summary(changed, change(ENDPOINT, ["update"], STATE[ENDPOINT], {"name": "shirts"}))
    assert found.cost_after == MonthlyCost(IDLE + KEY, IDLE + KEY, None), "no instance at the minimum costs nothing"
    [warning] = found.price_warnings
    assert warning.startswith(
        "No price of ml.g6e.xlarge in eu-west-1 is known (us-east-1 has 2.6054 of 2026-09-22: --prices-of"
    )
    page = markdown("dev", found, "", [], "")
    assert "No price of ml.g6e.xlarge in eu-west-1 is known" in page
    assert re.search(r"at the maximum \| 379\.72 \| unknown \| \*\*unknown\*\*", page)


def test_a_created_endpoint_costs_nothing_before_and_a_deleted_one_nothing_after() -> None:
    document = plan_document(*(change(address, ["create"], None, values) for address, values in STATE.items()))
    made = plan_summary(document, endpoint_plans(document, {}), {}, {}, prices_of)
    assert (made.cost_before, made.cost_after.at_zero) == (MonthlyCost(0, 0, 0), IDLE + KEY)
    gone = summary(*(change(address, ["delete"], values, None) for address, values in STATE.items()))
    assert gone.cost_after == MonthlyCost(0, 0, 0)
    assert gone.endpoints["shirts"].action == "delete"


# --- the comment ------------------------------------------------------------------------------------------------------------


def test_the_comment_begins_with_its_marker_and_replacements_are_bold() -> None:
    page = markdown("dev", summary(*update()), "2 to add, 2 to change, 2 to destroy.", ["A notice."], "0123")
    assert page.splitlines()[0] == marker("dev", "eu-west-1") == "<!-- async-endpoint plan dev eu-west-1 -->"
    assert "**Replaced" not in page, "an update replaces what is immutable while the endpoint serves"
    assert "- **replace** <code>module.shirts" in page
    topic = ChangedResource('module.a["x.y"].aws_sns_topic.this', "replace")
    page = markdown("dev", PlanSummary("eu-west-1", resources=(topic,)), "", [], "")
    assert (
        "**Replaced, deleted and created again: <code>module.a&#91;&quot;x.y&quot;&#93;.aws&#95;sns&#95;topic.this</code>**"
        in page
    )


def test_the_comment_has_what_is_replaced_and_what_it_costs() -> None:
    page = markdown("dev", summary(*update()), "2 to add, 2 to change, 2 to destroy.", ["A notice."], "0123")
    assert "- **replace** <code>module.shirts" in page
    assert "forced by <code>production&#95;variants.instance&#95;type</code>" in page
    assert "<details><summary>4 resources</summary>" in page
    assert "| at zero instances | 4.50 | 4.50 | **0.00** |" in page
    assert "| at the minimum | 4.50 | 603.83 | **+599.33** |" in page


def test_nothing_from_the_configuration_can_format_mention_or_end_the_page() -> None:
    nasty = "a`<script>@octocat --> | [x](http://evil) ![y](z) **b** #12 GH-12 www.evil.example $x$ </code></details>\n# title"
    found = summary(*update())
    shirts = found.endpoints["shirts"]
    bad = type(shirts)(
        **vars(shirts) | {"settings": (SettingChange(nasty, nasty, nasty),), "reasons": (nasty,), "action": "replace"}
    )
    resource = ChangedResource(nasty, "replace", (nasty,), (nasty,))
    page = markdown("dev", PlanSummary("eu-west-1", {nasty: bad}, (resource,)), nasty, [nasty], nasty)
    for forbidden in (
        "<script",
        "@octocat",
        "`",
        "](",
        "![",
        "# title",
        "-->",
        "$x$",
        "</code></details>",
    ):
        assert forbidden not in page.replace(marker("dev", "eu-west-1"), "").replace("\n\n</details>", ""), forbidden
    assert "&#35;&#8203;12" in page
    assert "GH-&#8203;12 www.&#8203;evil" in page
    assert "&#64;&#8203;octocat" in page, "GitHub looks for mentions outside of code once references are resolved"
    [row] = [line for line in page.splitlines() if line.startswith("| <code>")]
    assert row.count("|") == 6


@pytest.mark.parametrize(("count", "length"), [(3_000, 100), (40, 10_000), (0, 0)])
def test_a_comment_fits_and_says_what_was_left_out(count: int, length: int) -> None:
    resources = tuple(ChangedResource(f"aws_x.r{number}_{'_' * length}", "create") for number in range(count))
    page = markdown("dev", PlanSummary("eu-west-1", resources=resources), "", ["_" * length] * 60, "digest-at-the-end")
    assert len(page) <= MAX_CHARACTERS
    assert "<code>digest-at-the-end</code>" in page.replace("&#45;", "-")
    if count:
        assert page.count("</details>") == 1
    if count > 1_000:
        assert re.search(r"- and \d+ more$", page, re.MULTILINE)


# --- prices -----------------------------------------------------------------------------------------------------------------


def test_the_table_of_the_readme_follows_from_the_same_prices(checkout_readme: str) -> None:
    rows = {
        cells[0]: cells[1:]
        for line in checkout_readme.splitlines()
        if (cells := re.split(r" *\| *", line.strip("| "))) and len(cells) == 5
    }
    key, alarms, dashboard = (
        rows[name] for name in ("KMS key", "CloudWatch alarms, those of scaling included", "CloudWatch dashboard")
    )
    prices = prices_of("eu-west-1")
    listed = {name: price.usd for name in ITEMS if (price := prices.item(name))}
    assert [float(row[0]) for row in (key, alarms, dashboard)] == [
        listed[item] for item in ("kms_key", "alarm_metric", "dashboard")
    ]
    for column in (1, 2, 3):
        items = IdleItems(int(key[column]), int(alarms[column]), 0, int(dashboard[column]))
        assert rows["**together, about**"][column] == f"**{bill(Usage(idle=items), prices).usd:.2f}**"
    assert rows["S3, CloudWatch Logs"][0] == f"{listed['s3_storage_gb']} and {listed['log_storage_gb']} per GB"


@pytest.fixture
def checkout_readme(pytestconfig: pytest.Config) -> str:
    return (pytestconfig.rootpath / "README.md").read_text(encoding="utf-8")
