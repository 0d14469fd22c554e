"""tests/iam/rendered.json has the policies that module iam renders today, each within the size of a managed policy."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from async_endpoint.terraform.local_override import process_environment
from async_endpoint.terraform.provider import running_provider
from support.module_copies import NO_AWS
from support.rendered_policies import RENDERED, policies, render

MANAGED_POLICY_CHARACTERS = 6144  # AWS IAM quotas, without white space


@pytest.mark.terraform
def test_the_policies_are_those_that_terraform_renders(provider_executable: Path, tmp_path: Path) -> None:
    environment = process_environment(os.environ, Path(os.devnull), NO_AWS)
    del environment["AWS_ENDPOINT_URL"]
    (tmp_path / "root").mkdir()
    with running_provider(provider_executable, tmp_path, environment) as provider:
        rendered = render(tmp_path / "root", environment | provider)
    assert rendered == RENDERED.read_text(), "write it with tests/support/rendered_policies.py, then: make docs"


@pytest.mark.parametrize("role", policies())
def test_a_policy_fits_into_a_managed_one(role: str) -> None:
    assert len(json.dumps(policies()[role], separators=(",", ":"))) <= MANAGED_POLICY_CHARACTERS
