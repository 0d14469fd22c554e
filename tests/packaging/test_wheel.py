"""The built wheel outside any checkout: a light base, extras that are named when they are missing, a local AWS with [local]."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from async_endpoint.core.extras import EXTRAS
from async_endpoint.local_aws import LocalAwsRecord
from async_endpoint.workspace import Workspace
from support.built_wheel import CHECKOUT, BuiltWheel, build, canonical, required
from support.in_process_aws import AwsHarness
from support.remote_aws import RemoteAws
from support.sample_model import archive

HEAVY = ("fastapi", "moto", "flask", "numpy", "PIL", "sagemaker_inference", "python_terraform", "typer", "rich", "pytest")
INVOKES = """
import sys
from async_endpoint import AsyncEndpoint
with AsyncEndpoint.from_name(sys.argv[1], "eu-west-1", endpoint_url=sys.argv[2]) as endpoint:
    print(endpoint.submit(b'{"answer": "from the base install"}', content_type="application/json").result(60).body.decode())
"""
SERVES = f"""
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {(*EXTRAS["deploy"], *EXTRAS["local"], "numpy", "PIL")}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Refuse())
from starlette.testclient import TestClient
from async_endpoint.http_api.application import create_application
from async_endpoint.http_api.served_endpoint import Services
from async_endpoint.http_api.settings import ApiSettings

settings = ApiSettings(environment="dev", endpoints={{}}, deliveries=False)
with TestClient(create_application(settings, Services.of(settings))) as client:
    found = client.get("/openapi.json", headers={{"Host": "127.0.0.1"}})
    print(found.status_code, found.json()["openapi"][:3])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> BuiltWheel:
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that no checkout is around."""
    folder = tmp_path / "a project"
    folder.mkdir()
    return folder


@pytest.fixture
def state_home(tmp_path: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def local_aws(wheel: BuiltWheel, outside: Path, state_home: dict[str, str]) -> Iterator[AwsHarness]:
    """One started by the command of the wheel, with [local], outside any checkout."""
    options = ["--port", "0", "--instance-launch-seconds", "6", "--detach", "--json"]
    started = wheel.command("local", "up", *options, base=False, cwd=outside, environment=state_home)
    assert started.returncode == 0, started.stderr
    workspace = Workspace(Path(state_home["XDG_STATE_HOME"]) / "async-endpoint")
    yield AwsHarness(RemoteAws(LocalAwsRecord(**json.loads(started.stdout)), workspace), workspace.local)  # type: ignore[arg-type]
    stopped = wheel.command("local", "down", base=False, cwd=outside, environment=state_home)
    assert stopped.returncode == 0, stopped.stderr


def test_the_base_install_is_light(wheel: BuiltWheel) -> None:
    assert required(wheel.metadata) == {"boto3", "rich", "typer"}
    assert len(wheel.base_distributions) <= 20, sorted(wheel.base_distributions)


def test_all_has_every_extra_but_those_of_development(wheel: BuiltWheel) -> None:
    extras = set(wheel.metadata.metadata.get_all("Provides-Extra"))
    [everything] = [line for line in wheel.metadata.requires or () if line.endswith('extra == "all"')]
    assert {canonical(name) for name in everything[everything.index("[") + 1 : everything.index("]")].split(",")} == extras - {
        "all",
        "dev",
    }


def test_the_client_loads_nothing_of_the_extras(wheel: BuiltWheel, outside: Path) -> None:
    program = f"import sys; from async_endpoint import AsyncEndpoint; print(sorted(set(sys.modules) & set({HEAVY})))"
    done = wheel.run("-c", program, base=True, cwd=outside)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


def test_the_plugin_loads_nothing_of_this_package(wheel: BuiltWheel, outside: Path) -> None:
    """pytest imports it in every project whose environment has this distribution."""
    program = (
        "import sys, async_endpoint.pytest_plugin\n"
        "watched = ('async_endpoint', 'boto3', 'botocore', 'moto')\n"
        "print(sorted(name for name in sys.modules if name.partition('.')[0] in watched))"
    )
    done = wheel.run("-c", program, base=False, cwd=outside)
    assert done.stdout == "['async_endpoint', 'async_endpoint.pytest_plugin']\n", done.stderr


@pytest.mark.parametrize(
    "name", ["package", "local", "plan", "verify", "invoke", "batch", "watch", "logs", "serve", "local up"]
)
def test_every_command_explains_itself_in_the_base_install(wheel: BuiltWheel, outside: Path, name: str) -> None:
    done = wheel.command(*name.split(), "--help", base=True, cwd=outside)
    assert done.returncode == 0, done.stderr
    assert f"async-endpoint {name}" in done.stdout.replace("python -m async_endpoint.cli", "async-endpoint")


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        ("local up --port 0", "local"),
        ("local up --port 0 --detach", "local"),
        ("plan dev", "deploy"),
        ("verify dev", "deploy"),
        ("watch dev", "deploy"),
        ("logs dev", "deploy"),
        ("serve dev", "http"),
    ],
)
def test_a_command_whose_extra_is_missing_names_it(
    wheel: BuiltWheel, outside: Path, state_home: dict[str, str], arguments: str, extra: str
) -> None:
    environment = state_home | {"ASYNC_ENDPOINT_HOME": str(CHECKOUT)}
    done = wheel.command(*arguments.split(), base=True, cwd=outside, environment=environment)
    assert done.returncode == 3, done.stderr
    assert f"needs the extra [{extra}]" in done.stderr and f"pip install './async-endpoint[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_http_extra_serves_without_the_others(wheel: BuiltWheel, outside: Path) -> None:
    """As in a container or in Lambda: neither Terraform's adapter nor the local AWS can be imported."""
    done = wheel.run("-c", SERVES, base=False, cwd=outside)
    assert (done.returncode, done.stdout) == (0, "200 3.1\n"), done.stderr


def test_a_command_that_needs_a_checkout_says_so_before_it_asks_for_an_extra(
    wheel: BuiltWheel, outside: Path, state_home: dict[str, str]
) -> None:
    done = wheel.command("plan", "dev", base=True, cwd=outside, environment=state_home)
    assert done.returncode == 2, done.stderr
    assert "is not inside a checkout" in done.stderr and "extra" not in done.stderr


def test_the_base_install_invokes_an_endpoint_by_its_name(
    wheel: BuiltWheel, outside: Path, state_home: dict[str, str], local_aws: AwsHarness
) -> None:
    """Outside a checkout the client finds the credentials of the local AWS in the state folder of the user."""
    deployed = local_aws.endpoint(archive())
    done = wheel.run("-c", INVOKES, deployed.name, local_aws.url, base=True, cwd=outside, environment=state_home)
    assert (done.returncode, done.stdout) == (0, "from the base install\n"), done.stderr


def test_its_files_lie_in_a_private_state_folder(
    wheel: BuiltWheel, outside: Path, state_home: dict[str, str], local_aws: AwsHarness
) -> None:
    folder = Path(state_home["XDG_STATE_HOME"]) / "async-endpoint"
    assert (folder / ".local/aws/record.json").is_file()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / ".local", folder / ".local/aws")} == {0o700}
    assert list(outside.iterdir()) == []
    shown = wheel.command("local", "env", "--json", base=True, cwd=outside, environment=state_home)
    assert json.loads(shown.stdout)["AWS_ENDPOINT_URL"] == local_aws.url
