"""A run that a signal interrupts leaves nothing; tests/trials/parity_interruptions.py has ten points and every signal."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from parity import meter
from parity.__main__ import new_run, over_budget
from parity.account import Account
from parity.local import REGION, local_account
from parity.probe import Cost, Need, Observation, Probe, compare
from parity.runner import run_and_remove
from parity.scope import REGION_TAG, TAG
from support.interrupted_parity import ParityRuns
from support.remote_aws import running

pytestmark = [pytest.mark.xdist_group("parity_interruptions"), pytest.mark.slow]
DENYING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}],
}
PROBES = ("--probe", "configuration_in_use_is_deleted", "--probe", "names_that_exist")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ParityRuns]:
    home = tmp_path_factory.mktemp("parity")
    with running(home, time_scale=600) as aws:
        yield ParityRuns(aws, home)


@pytest.mark.parametrize(
    ("point", "signals"), [(6, [signal.SIGTERM]), (14, [signal.SIGINT, signal.SIGINT])], ids=["SIGTERM", "Ctrl-C twice"]
)
def test_an_interrupted_run_leaves_nothing(point: int, signals: list[signal.Signals], runs: ParityRuns) -> None:
    trial = runs.interrupt(point, signals, *PROBES)
    assert trial.exit_code in (130, 0), trial.output  # 0: every probe had ended
    assert runs.left() == set()
    assert "Traceback" not in trial.output


def test_a_sweep_finds_what_a_killed_run_left_and_nothing_of_others(runs: ParityRuns) -> None:
    make_foreign(runs.client)
    runs.before = runs.snapshot()
    assert runs.interrupt(22, [signal.SIGKILL], *PROBES).exit_code == -signal.SIGKILL
    assert runs.left()
    code, output = runs.complete("--sweep")
    assert code == 0, output
    assert runs.snapshot() == runs.before
    assert runs.client("iam").get_role(RoleName="parity-auditor")["Role"]["AssumeRolePolicyDocument"] == DENYING


def test_a_run_ends_before_its_instances_exceed_the_budget(runs: ParityRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter, "READ_SECONDS", 0.0)
    runs.before = runs.snapshot()
    account = local_account(runs.aws, new_run(), scale=600)

    def endless(aws: Account) -> Iterator[Observation]:
        aws.make_endpoint("endless")
        aws.elapse(1e6)
        yield compare("A22", expected=1, observed=1)

    probe = Probe("endless", ("A22",), frozenset({Need.OWN_ENDPOINT}), 60, Cost(), "", endless)
    found, left = run_and_remove([probe], account, over_budget=over_budget(account, dollars=0.01))
    assert found is not None
    assert "used the budget" in found[probe.name][-1].observed
    assert left == []
    assert runs.left() == set()


def make_foreign(client: Callable[[str], Any]) -> None:
    """Resources of others with names and tags like those of runs: of another product, of another region, without tags."""
    elsewhere = {TAG: "0a1b2c3d", REGION_TAG: "us-east-1"}
    client("iam").create_role(
        RoleName="parity-auditor",
        AssumeRolePolicyDocument=json.dumps(DENYING),
        Tags=[{"Key": TAG, "Value": "yes"}],
    )
    client("iam").create_role(
        RoleName="parity-0a1b2c3d-role-1",
        AssumeRolePolicyDocument=json.dumps(DENYING),
        Tags=[{"Key": key, "Value": value} for key, value in elsewhere.items()],
    )
    client("sqs").create_queue(QueueName="parity-0a1b2c3d-queue-1")
    client("sqs").create_queue(QueueName="parity-reports", tags={TAG: "0a1b2c3d", REGION_TAG: REGION})
    client("sns").create_topic(Name="parity-alerts")
    place = {"LocationConstraint": REGION}
    for bucket in ("parity-archive", "parity-0a1b2c3d-bucket-1-of-others"):
        client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
        client("s3").put_object(Bucket=bucket, Key="valuable", Body=b"1")
    client("logs").create_log_group(logGroupName="parity-logs")
    client("kms").create_key(Tags=[{"TagKey": TAG, "TagValue": "yes"}])
    client("kms").create_key(Tags=[{"TagKey": "parity-run", "TagValue": "0a1b2c3d"}])
    client("ec2").create_vpc(
        CidrBlock="10.9.0.0/24", TagSpecifications=[{"ResourceType": "vpc", "Tags": [{"Key": TAG, "Value": "yes"}]}]
    )
