"""The product through its public interfaces: each root deployed once, by the console command, in a workspace of its own.

Tests of one root carry the mark xdist_group("root-<environment>"): run with `--dist loadgroup`, so that one worker has them
all and the root is applied once.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from async_endpoint.terraform.local_override import process_environment
from async_endpoint.terraform.provider import running_provider
from support.applied_roots import CHECKOUT, Checkout, Root, Roots, shell_environment
from support.module_copies import LEFT_OUT


@pytest.fixture(scope="session")
def make_checkout(tmp_path_factory: pytest.TempPathFactory, container_cache: str) -> Iterator[Callable[[], Checkout]]:
    made: list[Checkout] = []

    def make() -> Checkout:
        folder = tmp_path_factory.mktemp("check out")
        for name in ("modules", "examples"):
            (folder / name).symlink_to(CHECKOUT / name)
        shutil.copytree(CHECKOUT / "envs", folder / "envs", ignore=LEFT_OUT)
        (folder / "build").mkdir()
        made.append(Checkout(folder, shell_environment(container_cache)))
        return made[-1]

    yield make
    for checkout in made:
        if (checkout.folder / ".local/aws/record.json").exists():
            checkout.run("local", "down")


@pytest.fixture
def checkout(make_checkout: Callable[[], Checkout]) -> Checkout:
    """A checkout with no local AWS, nothing built and nothing applied."""
    return make_checkout()


@pytest.fixture(scope="session")
def with_provider(provider_executable: Path) -> Iterator[Callable[[Checkout, str], Checkout]]:
    """A checkout whose Terraform attaches to a running provider, for commands on one environment of the local AWS."""
    with ExitStack() as providers:

        def attach(checkout: Checkout, environment: str) -> Checkout:
            root = checkout.folder / ".local/deployments" / f"{environment}-local/eu-west-1/envs/{environment}"
            root.mkdir(parents=True)
            settings = process_environment(checkout.environment, Path(os.devnull), checkout.credentials)
            del settings["AWS_ENDPOINT_URL"]  # the root's files name it, also when the local AWS has come back elsewhere
            attached = providers.enter_context(running_provider(provider_executable, root, settings))
            return replace(checkout, environment=checkout.environment | attached)

        yield attach


@pytest.fixture(scope="session")
def roots(make_checkout: Callable[[], Checkout], with_provider: Callable[[Checkout, str], Checkout]) -> Roots:
    return Roots(make_checkout, with_provider)


@pytest.fixture
def root(roots: Roots, request: pytest.FixtureRequest) -> Root:
    """The root that the test's parameter `root` names."""
    return roots.applied(request.param)


@pytest.fixture
def awake(root: Root) -> Iterator[None]:
    """Keeps the root's endpoint awake between two commands: its time runs sixty times faster than theirs."""
    root.keep_at_least(1)
    yield
    root.keep_at_least(root.outputs.scaling.min_instances)
