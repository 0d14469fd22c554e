"""The console page in Chromium: `make console-test` installs Playwright beside this environment and collects these tests."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.core.outputs import HttpApi
from async_endpoint.emulator.emulator import Emulator
from async_endpoint.http_api.settings import EndpointSettings
from async_endpoint.packaging import build_archive
from support.api_server import serving
from support.browser import Browser, browser_of
from support.deployed_endpoint import Deployed
from support.echo_endpoint import outputs_of
from support.in_process_aws import REGION, AwsHarness

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/fashion-recommender"
TIME_SCALE = 60.0  # an AWS minute passes in a second, as in `make demo`
LAUNCH_SECONDS = 480.0  # 8 s here, longer than the page takes between two looks: it sees the endpoint waking


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave these files out, unless their target runs."""
    return None if os.environ.get("CONSOLE_TEST") or collection_path.suffix != ".py" else True


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsHarness]:
    folder = tmp_path_factory.mktemp("aws")
    aws = Emulator(folder, 0, TIME_SCALE, launch_seconds=LAUNCH_SECONDS, filter_delay_minutes=0)
    aws.start()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws.credentials.environment(REGION).items():
            patch.setenv(name, value)
        yield AwsHarness(aws, folder)
    aws.stop()


@pytest.fixture(scope="session")
def deployed(local_aws: AwsHarness, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Deployed]:
    """The example's recommender, and a model that answers with what it is sent, by the endpoints' names in URLs."""
    archive = tmp_path_factory.mktemp("model") / "model.tar.gz"
    build_archive(EXAMPLE, archive)
    topics = {"topics": True, "include": ["SUCCESS_NOTIFICATION_TOPIC", "ERROR_NOTIFICATION_TOPIC"]}
    return {"recommender": local_aws.endpoint(archive.read_bytes(), **topics), "echo": local_aws.endpoint(**topics)}


@pytest.fixture(scope="session")
def settings(deployed: dict[str, Deployed]) -> dict[str, EndpointSettings]:
    def one(name: str, found: Deployed) -> EndpointSettings:
        queue, bucket = found.queues["Success"], found.bucket
        places = f"s3://{bucket}/predictions/{name}/", f"s3://{bucket}/credentials/{name}/"
        return EndpointSettings(
            name, dataclasses.replace(outputs_of(found), http_api=HttpApi(*places, queue.url, queue.arn, queue.url))
        )

    return {name: one(name, found) for name, found in deployed.items()}


@pytest.fixture(scope="session")
def api(local_aws: AwsHarness, settings: dict[str, EndpointSettings]) -> Iterator[str]:
    """The URL of an API without keys."""
    with serving(settings, endpoint_url=local_aws.url) as url:
        yield url


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415 - of an environment of its own

    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert path is not None, "the browser tests need Chromium: apt-get install chromium, or CHROMIUM=PATH"
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        # root cannot have Chromium's sandbox
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield browser
        browser.close()


@pytest.fixture
def browser(chromium: Any) -> Iterator[Browser]:
    """Opens pages, each as a new visitor; fails the test for an error of a page, or a request to elsewhere."""
    with browser_of(chromium) as opened:
        yield opened
