"""Other people's clients against a local AWS in a process of its own. `make clients` makes their environment and runs them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from support.common import unique
from support.in_process_aws import IMAGE, REGION, AwsHarness
from support.remote_aws import RemoteAws, running
from support.sample_model import OBEDIENT, archive

CLIENTS = "CLIENTS_PYTHON"  # the Python of the environment that has the clients
LONGEST_SECONDS = 180


@dataclass(frozen=True)
class Order:
    """What a client is asked to deploy and to send, and where outputs are to go."""

    name: str
    image: str
    role: str
    bucket: str
    model_data: str
    input: str
    output: str
    failure: str


@dataclass(frozen=True)
class Client:
    """Runs a script that knows nothing of this project, with the variables that `async-endpoint local env` exports."""

    python: Path
    settings: dict[str, str]
    folder: Path

    def run(self, script: str, order: Order) -> str:
        """What the script prints; a script of Python gets the order as JSON, one of the shell as variables."""
        path = Path(__file__).with_name("scripts") / script
        given = asdict(order)
        variables = {name.upper(): value for name, value in given.items()} if path.suffix == ".sh" else {}
        command = ["bash", path] if variables else [self.python, path, json.dumps(given)]
        done = subprocess.run(
            command,
            env={
                "PATH": f"{self.python.parent}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(self.folder),
                **self.settings,
                **variables,
            },
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{script} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemoteAws]:
    with running(tmp_path_factory.mktemp("aws"), time_scale=60) as aws:
        yield aws


@pytest.fixture(scope="session")
def local_aws(aws: Any, tmp_path_factory: pytest.TempPathFactory) -> AwsHarness:
    return AwsHarness(aws, tmp_path_factory.getbasetemp())


@pytest.fixture
def client(local_aws: AwsHarness, tmp_path: Path) -> Client:
    if CLIENTS not in os.environ:
        pytest.skip("other people's clients have an environment of their own: make clients")
    return Client(Path(os.environ[CLIENTS]), local_aws.credentials.environment(REGION), tmp_path)


@pytest.fixture
def order(local_aws: AwsHarness) -> Order:
    """A bucket, a role and a model's archive, made as somebody else would have made them."""
    bucket, role, name = local_aws.bucket(), local_aws.role(), unique("clients")
    role.allow(bucket)
    return Order(
        name=name,
        image=IMAGE,
        role=role.arn,
        bucket=bucket,
        model_data=local_aws.put(bucket, "model/model.tar.gz", archive(OBEDIENT)),
        input=local_aws.put(bucket, "input/hello.json", b'{"print": "hello from the model", "answer": {"hello": "world"}}'),
        output=f"s3://{bucket}/output/",
        failure=f"s3://{bucket}/failure/",
    )
