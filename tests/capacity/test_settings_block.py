"""The block of recommended settings is what module async-inference reads, written as terraform fmt writes it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from async_endpoint.capacity.recommendation.block import hcl_block
from async_endpoint.capacity.recommendation.schedules import OfficeHours
from async_endpoint.capacity.settings import ModuleSettings, ScheduledBounds

VARIABLES = Path(__file__).parents[2] / "modules/async-inference/variables.tf"
SETTINGS = ModuleSettings(
    instance_type="ml.g5.xlarge",
    max_concurrent_invocations=3,
    min_instances=1,
    max_instances=6,
    target_backlog_per_instance=2.5,
    scale_in_cooldown_seconds=0,
    scale_out_cooldown_seconds=120,
    wake_cooldown_seconds=60,
    request_ttl_seconds=7_200,
    schedules=(
        *OfficeHours(8, 18, weekdays=True, timezone="Europe/Berlin").actions(2, 1, 6),
        ScheduledBounds("launch", "at(2026-12-01T08:00:00)", None, 3, None, 1_796_083_200, 1_796_169_600),
    ),
)


def terraform(*arguments: str, text: str, folder: Path) -> str:
    program = shutil.which("terraform")
    assert program
    done = subprocess.run(
        [program, *arguments], input=text, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.terraform
@pytest.mark.parametrize("settings", [SETTINGS, ModuleSettings()], ids=["all", "defaults"])
def test_terraform_reads_every_value(settings: ModuleSettings, tmp_path: Path) -> None:
    """The module's own variables, with the block as their values: what an object type does not have, Terraform would drop."""
    block = hcl_block(settings)
    assert terraform("fmt", "-", text=f'module "model" {{\n{block}}}\n', folder=tmp_path) == f'module "model" {{\n{block}}}\n'
    (tmp_path / "variables.tf").write_text(VARIABLES.read_text(encoding="utf-8"), encoding="utf-8")
    values = f'name = "model"\nenvironment = "dev"\nmodel = {{ containers = [] }}\n{block}'
    (tmp_path / "terraform.tfvars").write_text(values, encoding="utf-8")
    shown = terraform("console", text="jsonencode(merge(var.endpoint, var.scaling))\n", folder=tmp_path)
    found = json.loads(json.loads(shown.splitlines()[-1]))  # a warning may precede it

    for field in ("instance_type", "max_concurrent_invocations", "request_ttl_seconds", "min_instances", "max_instances"):
        assert found[field] == getattr(settings, field)
    for field in ("target_backlog_per_instance", "scale_in_cooldown_seconds", "scale_out_cooldown_seconds"):
        assert found[field] == getattr(settings, field)
    assert found["wake_cooldown_seconds"] == settings.wake_cooldown_seconds
    schedules = found["schedules"] or {}
    assert {name: action["schedule"] for name, action in schedules.items()} == {
        action.name: action.schedule for action in settings.schedules
    }
    if schedules:
        assert schedules["open"]["timezone"] == "Europe/Berlin"
        assert [schedules["open"][bound] for bound in ("min_instances", "max_instances")] == [2, 6]
        assert [schedules["launch"][bound] for bound in ("min_instances", "max_instances")] == [3, 6]
        assert [schedules["launch"][time] for time in ("start_time", "end_time")] == [
            "2026-12-01T00:00:00Z",
            "2026-12-02T00:00:00Z",
        ]


def test_text_is_quoted() -> None:
    block = hcl_block(ModuleSettings(instance_type='ml."${x}%{y}\\'))
    assert 'instance_type              = "ml.\\"$${x}%%{y}\\\\"' in block
