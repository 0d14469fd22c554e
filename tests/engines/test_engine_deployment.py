"""examples/fastapi-container on a real engine: applied by the driver, invoked, asleep and awake, smoke-tested, destroyed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from urllib.request import Request, urlopen

import pytest

from support.applied_roots import Checkout, Root, shell_environment
from support.common import until
from support.engines import INSTANCE_TYPE, RealEngine
from support.module_copies import CHECKOUT, LEFT_OUT

pytestmark = [pytest.mark.xdist_group("deployment"), pytest.mark.terraform]

NAME = "fastapi"
REQUEST = {"message": "test"}
SECONDS = 5.0  # of one inference, as in the published experiment
REQUESTS = 4


@dataclass(frozen=True)
class Ran:
    """When an inference ran and where, by its container's own clock."""

    instance: str
    begun: float
    ended: float

    @classmethod
    def parse(cls, body: bytes) -> Ran:
        document = json.loads(body)
        assert document["message"] == "finish"
        return cls(document["instance"], document["begun"], document["ended"])


@pytest.fixture(scope="module")
def root(engine: RealEngine, tmp_path_factory: pytest.TempPathFactory, container_cache: str) -> Iterator[Root]:
    """The example as the environment of a checkout, applied."""
    folder = tmp_path_factory.mktemp("check out")
    (folder / "modules").symlink_to(CHECKOUT / "modules")
    shutil.copytree(CHECKOUT / "examples/fastapi-container", folder / "envs" / NAME, ignore=LEFT_OUT)
    main = folder / "envs" / NAME / "main.tf"
    main.write_text(main.read_text().replace("ml.m5.large", INSTANCE_TYPE))
    (folder / "good.json").write_text(json.dumps(REQUEST))
    (folder / "bad.json").write_text("[]")
    checkout = Checkout(folder, shell_environment(container_cache))
    options = ("--port", "0", "--time-scale", "60", "--detach", "--json", "--filter-delay", "0")
    url = checkout.succeed("local", "up", "--containers", engine.program, *options).document["endpoint_url"]
    root = Root(NAME, checkout, url, endpoint=NAME)
    try:
        checkout.succeed("apply", NAME, "--yes", "--local")
        yield root
        checkout.succeed("destroy", NAME, "--yes", "--local")
    finally:
        checkout.run("local", "down")


def invoke(root: Root) -> Ran:
    """One asynchronous request through boto3 alone, until its output is there."""
    accepted = root.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=root.name, Body=json.dumps(REQUEST).encode(), ContentType="application/json"
    )
    return Ran.parse(until(lambda: root.object(accepted["OutputLocation"]), "an output"))


def test_four_requests_run_in_two_rounds_on_two_instances(root: Root) -> None:
    root.keep_at_least(2)
    until(lambda: root.counts() == (2, 2), "two instances serve")
    assert root.name  # read before the requests, which are to be sent together
    with ThreadPoolExecutor(REQUESTS) as threads:
        ran = sorted(threads.map(lambda _: invoke(root), range(REQUESTS)), key=lambda one: one.begun)
    root.keep_at_least(0)
    in_two_rounds(ran)


def in_two_rounds(ran: list[Ran]) -> None:
    """Fail unless two instances ran two requests each, one at a time and at the same times; prints the seconds."""
    rounds = {one.instance: [other for other in ran if other.instance == one.instance] for one in ran}
    assert [len(one) for one in rounds.values()] == [2, 2], ran
    assert all(earlier.ended <= later.begun for one in rounds.values() for earlier, later in pairwise(one)), "one at a time"
    assert ran[1].begun < ran[0].ended, "the first two ran together"
    assert ran[3].begun < ran[2].ended, "and so did the last two"
    seconds = max(one.ended for one in ran) - ran[0].begun
    print(f"four requests of {SECONDS:g} s on two instances: {seconds:.2f} s")
    assert 2 * SECONDS <= seconds < 2 * SECONDS + 2


def test_so_do_four_requests_through_the_http_api(root: Root) -> None:
    root.keep_at_least(2)
    until(lambda: root.counts() == (2, 2), "two instances serve")

    def predict(url: str) -> Ran:
        headers = {"Content-Type": "application/json", "Prefer": "wait=25"}
        address = f"{url}/v1/endpoints/{NAME}/predictions"
        with urlopen(Request(address, json.dumps(REQUEST).encode(), headers), timeout=60) as response:
            return Ran.parse(json.dumps(json.load(response)["output"]).encode())

    with root.checkout.serve(NAME, "--local", "--port", "0") as url, ThreadPoolExecutor(REQUESTS) as threads:
        ran = sorted(threads.map(predict, [url] * REQUESTS), key=lambda one: one.begun)
    root.keep_at_least(0)
    in_two_rounds(ran)


def test_it_sleeps_and_wakes(root: Root) -> None:
    root.keep_at_least(0)
    until(lambda: root.counts() == (0, 0), "no instance is left", 90)
    assert invoke(root).instance


def test_the_smoke_test_passes(root: Root) -> None:
    ended = root.succeed("smoke-test", "--good", "good.json", "--bad", "bad.json", "--json")
    assert NAME in json.dumps(ended.document)


def test_another_plan_changes_nothing(root: Root) -> None:
    assert root.run("plan", "--detailed-exitcode").code == 0


def test_the_command_line_gets_the_models_answer(root: Root) -> None:
    assert "finish" in root.succeed("invoke", "good.json", "--wait", "--json").out
