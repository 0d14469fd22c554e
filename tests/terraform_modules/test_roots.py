"""The four roots: what they may differ in, and what they hand to Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.contract.outputs import OUTPUT_NAME, AsyncEndpointOutputs

ENVIRONMENTS = ["dev", "local", "prod", "staging"]
OWN_FILES = {"backend.tf", "terraform.tfvars"}

Files = Callable[[str], dict[str, bytes]]


def test_every_root_is_tested_here(checkout: Path) -> None:
    assert sorted(folder.parent.name for folder in (checkout / "envs").glob("*/main.tf")) == ENVIRONMENTS


@pytest.mark.parametrize("environment", [name for name in ENVIRONMENTS if name != "dev"])
def test_roots_differ_in_values_and_backend_only(root_files: Files, environment: str) -> None:
    one, other = root_files("dev"), root_files(environment)

    assert one.keys() == other.keys()
    assert {name for name in one if one[name] != other[name]} == OWN_FILES


def test_remote_states_differ_in_their_key_only(root_files: Files) -> None:
    for environment in ("dev", "staging", "prod"):
        backend = root_files(environment)["backend.tf"].decode()
        assert f'key          = "async-endpoint/{environment}/terraform.tfstate"' in backend
        assert backend.replace(f"/{environment}/", "/dev/") == root_files("dev")["backend.tf"].decode()


@pytest.mark.terraform
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_root_hands_python_what_it_reads(copy: Any, environment: str) -> None:
    root = f"envs/{environment}"
    archive = copy.folder / "build" / "fashion-recommender.tar.gz"
    archive.parent.mkdir()
    archive.write_bytes(b"its bytes are hashed, not read")
    mocks = (copy.folder / "modules/async-inference/tests/async_inference.tftest.hcl").read_text().split("\nvariables {")[0]
    (copy.folder / root / "root.tftest.hcl").write_text(f'{mocks}\nrun "root" {{}}\n')
    copy.succeed(root, "init", "-input=false", "-backend=false", "-lockfile=readonly")

    done = copy.test(root, "-verbose")

    assert done.code == 0, done.text
    state = done.messages["test_state"][0]["test_state"]
    outputs = AsyncEndpointOutputs.parse(state["outputs"][OUTPUT_NAME]["value"])
    assert state["outputs"].keys() == {OUTPUT_NAME}
    assert outputs.as_dict() == state["outputs"][OUTPUT_NAME]["value"], "the output has fields Python does not read"
    assert outputs.environment == environment
    assert outputs.scaling.min_instances == 0
    resources = list(_resources(state["root_module"]))
    assert len(resources) == (29 if environment == "prod" else 28)
    untagged = {item["address"] for item in resources if "tags_all" in item["values"] and not _tagged(item, environment)}
    assert untagged == set()


def _resources(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (item for item in module.get("resources", []) if item["mode"] == "managed")
    for child in module.get("child_modules", []):
        yield from _resources(child)


def _tagged(resource: dict[str, Any], environment: str) -> bool:
    return (resource["values"]["tags_all"] or {}).get("environment") == environment
