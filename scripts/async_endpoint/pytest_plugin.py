"""A pytest plugin for other projects' tests: the session fixture `local_aws`, a local AWS that the environment points to.

pytest loads this module in every environment that has this distribution, so it imports nothing of it until the fixture is used.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from async_endpoint.local_aws import LocalCredentials

TIME_SCALE = 60.0  # an AWS minute takes a second
INSTANCE_LAUNCH_SECONDS = 60.0  # AWS seconds
_REGION = "eu-west-1"
# A profile could ignore AWS_ENDPOINT_URL, or name credentials of AWS.
_NO_CONFIGURATION = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCredentials]:
    """A local AWS on a free port, for the session (with pytest-xdist, one per worker); needs the extra [local].

    Until the session ends AWS_ENDPOINT_URL, the credentials and the region are set in `os.environ`, and every other variable
    that begins with AWS_ is removed, so that boto3 clients without arguments reach the local AWS and nothing reaches AWS. Then
    the environment is restored and the local AWS is stopped. The value has `endpoint_url`, `access_key_id` and
    `secret_access_key`. Tests that use it fail with one sentence if it cannot start, as without the extra.
    """
    from async_endpoint.core.errors import AsyncEndpointError  # noqa: PLC0415 - see the module's docstring
    from async_endpoint.emulator import daemon  # noqa: PLC0415
    from async_endpoint.local_aws import require_credentials  # noqa: PLC0415
    from async_endpoint.workspace import Workspace  # noqa: PLC0415

    workspace = Workspace(tmp_path_factory.mktemp("local-aws"))
    try:
        daemon.start_detached(workspace, 0, TIME_SCALE, INSTANCE_LAUNCH_SECONDS)
    except AsyncEndpointError as error:
        pytest.fail(str(error), pytrace=False)
    saved = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    try:
        credentials = require_credentials(workspace)
        _replace_variables(credentials.environment(_REGION) | _NO_CONFIGURATION)
        yield credentials
    finally:
        _replace_variables(saved)
        daemon.stop(workspace, lose_changes=True)


def _replace_variables(variables: dict[str, str]) -> None:
    """Remove every variable that begins with AWS_, then set these."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(variables)
