"""The pytest plugin in a project of its own: its tests reach a local AWS, and afterwards nothing of it is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.common import process_runs

pytestmark = pytest.mark.slow

TESTS = """
import json
import os

import boto3


def test_clients_without_arguments_reach_it(local_aws):
    assert os.environ["AWS_ENDPOINT_URL"] == local_aws.endpoint_url
    assert "AWS_PROFILE" not in os.environ
    boto3.client("s3").create_bucket(Bucket="orders", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})


def test_it_is_the_same_for_the_whole_session(local_aws):
    assert [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]] == ["orders"]
"""
UNUSED = """
import sys


def test_nothing_of_the_package_is_loaded():
    assert [name for name in sys.modules if name.startswith("async_endpoint.")] == ["async_endpoint.pytest_plugin"]
"""
CONFTEST = """
import json
import os
from pathlib import Path


def pytest_runtest_teardown(item):
    [record] = Path(os.environ["BASE"]).rglob("record.json")
    Path("record.json").write_text(record.read_text())


def pytest_unconfigure():
    Path("after.json").write_text(json.dumps({name: value for name, value in os.environ.items() if name.startswith("AWS_")}))
"""
WITHOUT_MOTO = """
import sys


class Absent:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "moto":
            raise ImportError(name)


sys.meta_path.insert(0, Absent)
"""
OWN = {"AWS_PROFILE": "of-this-shell", "AWS_REGION": "us-east-1"}


def run(folder: Path, tests: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_orders.py").write_text(tests)
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_", "ASYNC_ENDPOINT_", "XDG_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp", str(folder / "base"), *options],
        cwd=folder,
        env=kept | OWN | {"BASE": str(folder / "base"), "XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_session_has_a_local_aws_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    done = run(tmp_path, TESTS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    assert json.loads((tmp_path / "after.json").read_text()) == OWN
    assert not process_runs(json.loads((tmp_path / "record.json").read_text())["pid"])


def test_a_session_that_does_not_use_it_starts_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, UNUSED)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list((tmp_path / "base").rglob("record.json"))


def test_without_the_extra_each_test_fails_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(WITHOUT_MOTO)
    done = run(tmp_path, TESTS)
    assert done.returncode == 1
    assert "pip install './async-endpoint[local]'" in done.stdout
    assert "Traceback" not in done.stdout and "pytest_plugin.py" not in done.stdout


def test_it_is_among_the_fixtures_of_the_project(tmp_path: Path) -> None:
    done = run(tmp_path, "", "--fixtures")
    assert "local_aws [session scope]" in done.stdout
