"""The archive of the functions of modules/http-api: what is in it, and that it depends on its inputs alone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import functions_archive
from async_endpoint.aws import AwsSession

# Imports every function's code with nothing of this package but what the archive has, and says what was imported.
IMPORT = """
import json, sys
import async_endpoint
from async_endpoint.http_api import application, functions
from async_endpoint.http_api.webhooks import deliverer, sweep
import mangum
loaded = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps({"package": async_endpoint.__file__, "loaded": loaded}))
"""


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "botocore-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in (
            "botocore/__init__.py",
            "botocore/data/endpoints.json",
            "botocore/data/sqs/2012-11-05/service-2.json.gz",
            "botocore/data/ec2/2016-11-15/service-2.json.gz",
            "botocore/__pycache__/client.pyc",
            "botocore-1.data/scripts/tool",
            "botocore-1.dist-info/METADATA",
            "botocore-1.dist-info/RECORD",
        ):
            archive.writestr(name, name)
    return path


def test_a_wheel_is_unpacked_without_what_the_functions_do_not_call(wheel: Path) -> None:
    assert sorted(dict(functions_archive.packages([wheel]))) == [
        "botocore-1.dist-info/METADATA",
        "botocore/__init__.py",
        "botocore/data/endpoints.json",
        "botocore/data/sqs/2012-11-05/service-2.json.gz",
    ]


def test_a_wheel_that_must_be_installed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("odd-1.data/headers/odd.hpp", "")
    with pytest.raises(ValueError, match=r"odd-1-py3-none-any\.whl has odd-1\.data/headers/odd\.hpp"):
        dict(functions_archive.packages([path]))


def test_the_bytes_follow_from_names_and_contents(tmp_path: Path) -> None:
    files = {"b/two.py": b"2", "a.py": b"1"}
    functions_archive.write(tmp_path / "one.zip", files)
    functions_archive.write(tmp_path / "two.zip", dict(sorted(files.items())))
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.namelist() == ["a.py", "b/two.py"]
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o644}, "Lambda runs as a user that owns nothing"


def test_the_functions_import_nothing_that_the_archive_leaves_out(tmp_path: Path) -> None:
    functions_archive.write(tmp_path / "own.zip", dict(functions_archive.own_code()))
    site = tmp_path / "site"
    with zipfile.ZipFile(tmp_path / "own.zip") as archive:
        archive.extractall(site)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(site), sysconfig.get_path("purelib")])}
    done = subprocess.run(
        [sys.executable, "-S", "-c", IMPORT], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["package"].startswith(str(site))
    locked = (functions_archive.REQUIREMENTS).read_text()
    for name in ("uvicorn", "typer", "rich", "moto", "numpy", "PIL", "python_terraform"):
        assert name not in found["loaded"], f"{name} is not in the archive"
        assert f"\n{name.lower()}==" not in locked


def test_the_services_that_are_called_are_described_in_the_archive() -> None:
    calls = [*(functions_archive.PACKAGE / "http_api").rglob("*.py")]
    calls += [functions_archive.PACKAGE / "client" / f"{name}.py" for name in ("sender", "uploads", "endpoint_metrics")]
    named = {name for path in calls for name in re.findall(r"session\.(\w+)", path.read_text())}
    services = {name: service._name for name, service in vars(AwsSession).items() if type(service).__name__ == "_Service"}
    used = {services[name].removesuffix("-presigning") for name in named if name in services}
    assert {"s3", "sqs", "sagemaker-runtime"} <= used <= set(functions_archive.SERVICES)


def test_the_locked_packages_are_those_of_the_other_environments() -> None:
    def versions(name: str) -> set[str]:
        lines = (functions_archive.ROOT / "requirements" / name).read_text().splitlines()
        return {line.split(" ")[0] for line in lines if "==" in line and not line.startswith((" ", "#"))}

    assert versions("http-api.txt") <= versions("runtime.txt"), "run: make lock"
