"""In the log of a pipeline a plan has the names of what it changes and no values; errors quote none that the plan sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.core.errors import TerraformFailed
from async_endpoint.terraform.adapter import Terraform
from async_endpoint.terraform.hidden_values import redact, secret_values, without_values

# As Terraform 1.11.4 prints it.
PLAN = """module.this.aws_sagemaker_model.this: Refreshing state... [id=shirts]

Note: Objects have changed outside of Terraform

Terraform detected the following changes made outside of Terraform since the
last "terraform apply" which may have affected this plan:

  # module.this.aws_iam_role.this has changed
  ~ resource "aws_iam_role" "this" {
      ~ description = "drifted value" -> "a secret value"
    }

Terraform used the selected providers to generate the following execution
plan. Resource actions are indicated with the following symbols:
  + create

Terraform will perform the following actions:

  # module.this.aws_sagemaker_model.this will be created
  # (because of a secret reason)
  + resource "aws_sagemaker_model" "this" {
      + primary_container {
          + environment = {
              + "API_TOKEN" = "hunter22"
            }
        }
      + policy = <<-EOT
            # a comment: hunter22
        EOT
    }

Plan: 1 to add, 0 to change, 0 to destroy.

Changes to Outputs:
  + token = "hunter22"

Warning: Something is deprecated

  on main.tf line 3, in resource "aws_sagemaker_model" "this":
   3: it
"""
APPLIED = """Apply complete! Resources: 1 added, 0 changed, 0 destroyed.

Outputs:

token = "hunter22"
lines = <<EOT
hunter22
EOT
"""


def passed_on(text: str) -> list[str]:
    found: list[str] = []
    listener = without_values(found.append)
    for line in text.splitlines():
        listener(line)
    return [line for line in found if line]


def test_a_plan_has_names_and_no_values() -> None:
    said = passed_on(PLAN)
    assert not [line for line in said if "hunter22" in line], said
    assert "  # module.this.aws_sagemaker_model.this will be created" in said
    assert "  # module.this.aws_iam_role.this has changed" in said
    assert "Plan: 1 to add, 0 to change, 0 to destroy." in said
    assert (
        "Warning: Something is deprecated" in said and '  on main.tf line 3, in resource "aws_sagemaker_model" "this":' in said
    )
    assert "drifted value" not in "\n".join(said) and "API_TOKEN" not in "\n".join(said)


def test_outputs_are_not_printed() -> None:
    assert passed_on(APPLIED) == ["Apply complete! Resources: 1 added, 0 changed, 0 destroyed."]


DOCUMENT: dict[str, Any] = {
    "configuration": {"root_module": {"variables": {"key": {"sensitive": True}, "name": {}}}},
    "variables": {"key": {"value": {"a": ["variable secret"]}}, "name": {"value": "shirts-dev"}},
    "resource_changes": [
        {
            "type": "aws_sagemaker_model",
            "change": {
                "before": {"primary_container": [{"environment": {"A": "before-1", "B": "1"}}]},
                "after": {"container": [{"environment": {"A": "after-22"}}], "name": "shirts-model"},
                "after_sensitive": {},
            },
        },
        {
            "type": "aws_sns_topic",
            "change": {
                "before": None,
                "after": {"tags": {"owner": "sensitive owner", "name": "shirts-topic"}, "list": ["plain-one", "sensitive-two"]},
                "after_sensitive": {"tags": {"owner": True}, "list": [False, True]},
            },
        },
    ],
    "output_changes": {"token": {"before": None, "after": "output-secret", "after_sensitive": True}},
}
SECRETS = {"variable secret", "before-1", "after-22", "sensitive owner", "sensitive-two", "output-secret"}


def test_what_is_sensitive_or_in_an_environment_is_a_secret() -> None:
    assert secret_values(DOCUMENT) == SECRETS
    assert secret_values({}) == frozenset()


def test_secrets_are_replaced_across_line_ends() -> None:
    assert (
        redact("Value 'variable\n│ secret' of after-22", ["after-22", "variable secret"])
        == "Value '(hidden)\n│ (hidden)' of (hidden)"
    )
    assert redact("a variable\nsecret, said", SECRETS) == "a (hidden), said"


FAILING = """
Error: creating SageMaker Model: ValidationException: Value '{TOKEN=hunter22}'
at 'primaryContainer.environment' failed to satisfy constraint
"""


@pytest.mark.parametrize("hides", [True, False])
def test_an_error_of_aws_quotes_no_secret(hides: bool, tmp_path: Path, fake_terraform: Callable[..., dict[str, str]]) -> None:
    (tmp_path / "said").write_text(FAILING)
    lines: list[str] = []
    environment = fake_terraform('cat said >&2; test -z "$TF_LOG" || echo request.body=hunter22; exit 1') | {"TF_LOG": "debug"}
    terraform = Terraform(tmp_path, environment, lines.append, hides_values=hides)
    terraform.secrets = frozenset({"hunter22"})
    with pytest.raises(TerraformFailed, match=r"primaryContainer\.environment") as failure:
        terraform.apply(tmp_path / "saved")
    assert ("hunter22" in str(failure.value), "hunter22" in "\n".join(lines)) == (not hides, not hides)
    assert any("request.body" in line for line in lines) == (not hides)
