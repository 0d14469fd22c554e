"""Parts of the doctor: version constraints, lock files and plugins, order of checks, denied calls, a table that is complete."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.core.errors import InvalidInput
from async_endpoint.deploy.doctor.checks import Check, findings_of, run_checks
from async_endpoint.deploy.doctor.configuration import sagemaker_regions
from async_endpoint.deploy.doctor.examination import checks_of
from async_endpoint.deploy.doctor.findings import Finding, Status, failure, ok
from async_endpoint.deploy.doctor.framework_registries import FRAMEWORK_REGISTRIES
from async_endpoint.deploy.doctor.network import of_subnets
from async_endpoint.deploy.doctor.provider_plugin import content_hash, read_lock_file
from async_endpoint.deploy.doctor.setup import Setup
from async_endpoint.deploy.doctor.tools import satisfies
from async_endpoint.workspace import Workspace
from support.deployment_fixtures import endpoint_outputs
from support.documents import ROOT, Document, coded, rows
from support.in_memory_aws import client_error


@pytest.mark.parametrize(
    ("version", "constraint", "accepted"),
    [
        ("1.11.4", ">= 1.11", True),
        ("1.11.4", ">= 1.11, < 2", True),
        ("1.11.4", ">= 1.12", False),
        ("1.11.4", "~> 1.11", True),
        ("1.12.0", "~> 1.11", True),
        ("2.0.0", "~> 1.11", False),
        ("1.12.0", "~> 1.11.0", False),
        ("1.11.9", "~> 1.11.0", True),
        ("1.11.4", "1.11.4", True),
        ("1.11.4", "!= 1.11.4", False),
        ("1.12.0-beta1", "< 1.12.1", True),
    ],
)
def test_versions_meet_constraints_as_in_terraform(version: str, constraint: str, accepted: bool) -> None:
    assert satisfies(version, constraint) is accepted


def test_the_hash_of_an_unpacked_plugin_is_that_of_a_lock_file(tmp_path: Path) -> None:
    """By Go's definition: the SHA-256 of the lines `<SHA-256>  <name>`, sorted by name."""
    (tmp_path / "b").mkdir()
    files = {"a": b"first", "b/c": b"second"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    lines = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    assert content_hash(tmp_path) == f"h1:{base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()}"


def test_a_lock_file_selects_a_version_and_hashes(tmp_path: Path) -> None:
    locked = read_lock_file(ROOT / "envs/dev/.terraform.lock.hcl")
    assert locked is not None
    assert locked.version == "5.100.0"
    assert {one[:3] for one in locked.hashes} == {"h1:", "zh:"}
    (tmp_path / "lock").write_text('provider "registry.terraform.io/hashicorp/random" {\n  version = "3.0.0"\n}\n')
    assert read_lock_file(tmp_path / "lock") is None


def finds(*findings: Finding) -> Any:
    def run(setup: Setup) -> Iterator[Finding]:
        yield from findings

    return run


def test_a_check_that_needs_a_failed_one_says_which_and_so_does_what_needs_it(tmp_path: Path) -> None:
    checks = [
        Check("bucket", finds(failure("is gone", "create it"))),
        Check("state", finds(ok("read")), needs=("bucket",)),
        Check("role", finds(ok("there")), needs=("state",)),
        Check("clock", finds(ok("right")), after=("bucket",)),
        Check("quotas", finds(ok("enough")), online=True),
        Check("alarms", finds(ok("act")), after_apply=True),
    ]
    results = {one.name: one for one in run_checks(Setup(Workspace(tmp_path), "dev", False), checks, offline=True)}
    assert [results[name].status for name in ("bucket", "state", "role", "clock")] == ["failure", "skipped", "skipped", "ok"]
    assert results["state"].findings[0].detail == "not checked: bucket comes first"
    assert results["role"].findings[0].detail == "not checked: state comes first"
    assert "--offline" in results["quotas"].findings[0].detail
    assert results["alarms"].findings[0].detail == "checked once dev has been applied"


def raising(error: Exception) -> Any:
    def run() -> Iterator[Finding]:
        yield ok("the first part")
        raise error

    return run


def test_a_permission_that_a_check_lacks_is_a_warning_that_names_the_action() -> None:
    error = client_error("AccessDenied")
    error.response["Error"]["Action"] = "s3:GetBucketVersioning"
    first, warned = findings_of(raising(error), "bucket")
    assert first.status is Status.OK
    assert warned.status is Status.WARNING
    assert "s3:GetBucketVersioning" in warned.detail and "s3:GetBucketVersioning" in str(warned.remedy)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (client_error("Throttling", "Rate exceeded"), "Throttling, Rate exceeded"),
        (InvalidInput("The region is wrong; correct it."), "The region is wrong"),
        (KeyError("Policy"), "the check bucket ended with KeyError"),
    ],
)
def test_what_a_check_raises_is_a_failure_that_hides_no_other_check(error: Exception, words: str) -> None:
    found = findings_of(raising(error), "bucket")[-1]
    assert found.status is Status.FAILURE
    assert words in found.detail
    assert found.remedy


def test_the_regions_of_sagemaker_are_known_whatever_profile_the_shell_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "a-profile-that-is-not-there")
    assert {"eu-west-1", "us-gov-west-1"} <= sagemaker_regions()


class Ec2:
    """EC2 with two subnets of one VPC, their main route table, and perhaps a gateway endpoint of S3."""

    def __init__(self, free: int = 250, zones: str = "ab", *, endpoint: bool = True, nat: bool = False) -> None:
        self._subnets = [
            {
                "SubnetId": f"subnet-{at}",
                "VpcId": "vpc-1",
                "AvailabilityZone": f"eu-west-1{zone}",
                "AvailableIpAddressCount": free,
            }
            for at, zone in enumerate(zones)
        ]
        gateway = {"VpcEndpointType": "Gateway", "State": "available", "RouteTableIds": ["rtb-1"]}
        routes = [{"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}] if nat else []
        self.describe_subnets = lambda SubnetIds: {"Subnets": self._subnets}  # noqa: N803 - boto3's words
        self.describe_vpc_endpoints = lambda Filters: {"VpcEndpoints": [gateway] if endpoint else []}  # noqa: N803
        table = {"RouteTableId": "rtb-1", "Associations": [{"Main": True}], "Routes": routes}
        self.describe_route_tables = lambda Filters: {"RouteTables": [table]}  # noqa: N803


@pytest.mark.parametrize(
    ("ec2", "status", "words"),
    [
        (Ec2(), Status.OK, "500 free addresses in 2 subnets"),
        (Ec2(endpoint=False, nat=True), Status.OK, "which reach S3"),
        (Ec2(endpoint=False), Status.FAILURE, "subnet-0 has no way to S3"),
        (Ec2(free=0), Status.FAILURE, "no free address"),
        (Ec2(free=1), Status.WARNING, "2 instances and as many new ones of an update take 4"),
        (Ec2(zones="aa"), Status.WARNING, "one availability zone"),
    ],
)
def test_subnets_need_addresses_two_zones_and_a_way_to_s3(ec2: Ec2, status: Status, words: str) -> None:
    found = list(of_subnets(ec2, "shirts", endpoint_outputs(), ["subnet-0", "subnet-1"]))
    assert any(one.status is status and words in one.detail for one in found), found
    assert all(one.remedy for one in found if one.status is not Status.OK)


def test_the_registries_are_accounts_by_region() -> None:
    assert all(len(account) == 12 and account.isdigit() for account in FRAMEWORK_REGISTRIES.values())
    assert FRAMEWORK_REGISTRIES["eu-west-1"] == "763104351884"


def test_the_page_lists_every_check(tmp_path: Path) -> None:
    listed = [coded(name)[0] for name, *_ in rows(Document.read(ROOT / "docs/doctor.md").section("Checks"))]
    checks = {check.name for local in (True, False) for check in checks_of(Setup(Workspace(tmp_path), "dev", local))}
    assert sorted(listed) == sorted(checks)
