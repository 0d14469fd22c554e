"""`cost`: bills of the endpoints that a plan leads to, and of a load on one of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from async_endpoint.capacity.prices import PriceList
from async_endpoint.cli import price_options
from async_endpoint.cli.app import app
from async_endpoint.cli.cost import cost
from async_endpoint.core.addresses import Address
from async_endpoint.core.errors import InvalidInput, UnknownEndpoint, UsageError
from async_endpoint.core.outputs import OUTPUT_NAME
from async_endpoint.deploy import deployment
from async_endpoint.deploy.costs import addressed, costs_in_plan
from support.plan_documents import change, plan_document
from support.svg import described

MODULE = "module.shirts.module"
RESOURCES: dict[str, dict[str, Any]] = {
    f"{MODULE}.endpoint_config.aws_sagemaker_endpoint_configuration.this": {
        "name": "shirts-1",
        "production_variants": [{"variant_name": "main", "instance_type": "ml.m5.xlarge", "initial_instance_count": 1}],
        "async_inference_config": [{"client_config": [{"max_concurrent_invocations_per_instance": 2}]}],
    },
    f"{MODULE}.endpoint.aws_sagemaker_endpoint.this": {"name": "shirts-dev", "endpoint_config_name": "shirts-1"},
    f"{MODULE}.endpoint.aws_appautoscaling_target.this": {
        "resource_id": "endpoint/shirts-dev/variant/main",
        "min_capacity": 1,
        "max_capacity": 3,
    },
    f"{MODULE}.monitoring.aws_cloudwatch_metric_alarm.age": {"alarm_name": "age"},
    "module.storage.aws_kms_key.this": {},
}


def document(resources: dict[str, dict[str, Any]] = RESOURCES) -> dict[str, Any]:
    listed = {"after": {"shirts": {"endpoint": {"name": "shirts-dev"}}}}
    changes = (change(address, ["create"], None, values) for address, values in resources.items())
    return plan_document(*changes) | {"output_changes": {OUTPUT_NAME: listed}}


def prices_of(region: str) -> PriceList:
    return PriceList.load(region, today=date(2026, 11, 30))


def test_endpoints_and_what_belongs_to_none_of_them_add_up() -> None:
    """An alarm 0.10, a key 1.00, and 1 to 3 instances at 0.257 for 730 hours: 187.61 to 562.83."""
    costs = costs_in_plan(document(), prices_of)
    shirts = costs.endpoints["shirts"]
    assert [one.complete_usd for one in (shirts.bills.at_zero, shirts.bills.at_minimum, shirts.bills.at_maximum)] == (
        pytest.approx([0.10, 187.71, 562.93])
    )
    assert costs.rest.complete_usd == 1.0
    assert costs.total.at_maximum.complete_usd == pytest.approx(563.93)
    assert (costs.region, costs.warnings) == ("eu-west-1", ())


def test_bounds_of_schedules_count() -> None:
    """Scheduled actions set 0 instances at night and 8 by day: 0 and 8 x 187.61."""
    actions = {
        f"{MODULE}.endpoint.aws_appautoscaling_scheduled_action.{name}": {
            "name": name,
            "resource_id": "endpoint/shirts-dev/variant/main",
            "scalable_target_action": [{"min_capacity": least, "max_capacity": most}],
        }
        for name, least, most in (("day", "1", "8"), ("night", "0", "2"))
    }
    shirts = costs_in_plan(document(RESOURCES | actions), prices_of).endpoints["shirts"]
    assert shirts.bills.at_minimum.complete_usd == pytest.approx(0.10)
    assert shirts.bills.at_maximum.complete_usd == pytest.approx(0.10 + 8 * 187.61)


def test_an_endpoint_is_addressed_by_its_name_in_the_output() -> None:
    costs = costs_in_plan(document(), prices_of)
    assert list(addressed(costs, Address.parse("dev"))) == list(addressed(costs, Address.parse("dev/shirts"))) == ["shirts"]
    with pytest.raises(UnknownEndpoint, match="'hats' is not in output async_endpoints of dev; it has shirts"):
        addressed(costs, Address.parse("dev/hats"))


def test_a_region_without_prices_has_no_amounts_and_says_which_are_missing() -> None:
    costs = costs_in_plan(document(), lambda region: prices_of("mars-1"))
    assert costs.total.at_zero.complete_usd is None
    assert {warning.split(" in ")[0] for warning in costs.warnings} == {
        "No price of kms_key",
        "No price of alarm_metric",
        "No price of ml.m5.xlarge",
    }


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> None:
    """`cost` with a plan that Terraform did not make."""

    @contextmanager
    def plan(**_: Any) -> Iterator[Any]:
        yield SimpleNamespace(document=document())

    made = SimpleNamespace(planned=plan, known_endpoints=dict)
    monkeypatch.setattr(deployment.Deployment, "prepare", lambda *_, **__: made)


@pytest.mark.usefixtures("planned")
def test_the_command_shows_components_and_sums(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    cost("dev", plot=tmp_path / "costs.svg")
    said = capsys.readouterr().err
    assert "shirts: 1 to 3 ml.m5.xlarge; US dollars a month" in said
    rows = {line.split("  ")[1]: line.split() for line in said.splitlines() if line.startswith("  ")}
    assert rows["instances"] == ["instances", "0.00", "187.61", "562.83"]
    assert rows["together"] == ["together", "1.10", "188.71", "563.93"]
    assert "List prices of 2026-09-11 to 2026-09-22" in said
    title, description = described((tmp_path / "costs.svg").read_text())
    assert title == "Cost by component"
    assert "the maximum: 562.93 US dollars a month (instances 562.83, monitoring 0.10)." in description


@pytest.mark.usefixtures("planned")
def test_a_price_of_ones_own_is_used(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("name,region,usd,date,source\nml.m5.xlarge,eu-west-1,0.1,2026-11-01,plan\n")
    cost("dev", prices=own, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["endpoints"]["shirts"]["at_minimum"]["usd"] == pytest.approx(73.10)
    [line] = [one for one in found["endpoints"]["shirts"]["at_minimum"]["lines"] if one["item"] == "ml.m5.xlarge"]
    assert (line["price"]["source"], line["quantity"]) == ("plan", 730)


@pytest.mark.usefixtures("planned")
def test_a_load_is_simulated_and_priced_for_a_month_and_a_thousand_requests(capsys: pytest.CaptureFixture[str]) -> None:
    """The plan has no policies, so one instance runs all month: 187.61; 1,000 requests use 2,000 PUT: 0.01, ..."""
    command = ["cost", "dev/shirts", "--requests", "1000", "--service-time", "10", "--start-time", "200", "--json"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    load = json.loads(done.stdout)["load"]
    assert load["instance_seconds"] == {"ml.m5.xlarge": pytest.approx(730 * 3_600, rel=1e-3)}
    assert load["bill"]["usd"] == pytest.approx(187.61 + 0.10 + 0.01 + 0.0008 + 0.0005 + 0.0012 + 0.006, rel=1e-3)
    assert sum(load["usd_per_1000_requests"].values()) == pytest.approx(load["bill"]["usd"])
    assert (load["expired"], load["simulated_requests"]) == (0, 1_000)
    cost("dev/shirts", requests=1_000, service_time="10", start_time="200")
    said = capsys.readouterr().err
    assert "load: 1,000 requests a month at random moments" in said
    assert "waits: half up to 0 s" in said
    assert "Simulated: 1,000 requests in 30.4 days from Monday " in said


def test_options_of_a_load_are_checked_before_terraform_starts() -> None:
    with pytest.raises(UsageError, match="needs --service-time and --start-time too"):
        cost("dev", requests=5)
    with pytest.raises(InvalidInput, match="'soon' is no distribution of seconds"):
        cost("dev", requests=5, service_time="soon", start_time="1")
    with pytest.raises(InvalidInput, match=r"no prices of mars-1; --prices-of takes one of eu-west-1, us-east-1\."):
        price_options.price_lists(of="mars-1")
    with pytest.raises(InvalidInput, match=r"none\.csv"):
        price_options.price_lists(Path("none.csv"))
