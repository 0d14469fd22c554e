"""A local AWS for a run: one process of its own, in a folder of its own."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3

from parity.account import Account
from parity.guard import Guard
from parity.pace import local_pace
from support.remote_aws import RemoteAws, running

REGION = "eu-west-1"
LAUNCH_SECONDS = 120.0  # AWS takes minutes: probes look at endpoints that are Creating and Updating
FILTER_DELAY_MINUTES = 15.0  # the most that the guide names


def local_account(aws: RemoteAws, run: str, scale: float, cancelled: threading.Event | None = None) -> Account:
    """A run's account on a local AWS with this time scale."""
    credentials = aws.credentials
    session = boto3.Session(credentials.access_key_id, credentials.secret_access_key, region_name=REGION)
    return Account(session, Guard(run, cancelled), local_pace(aws.clock.now, scale), aws.record.endpoint_url)


@contextmanager
def temporary_local_aws(scale: float) -> Iterator[RemoteAws]:
    """A local AWS that ends with the block, as slow as AWS in what probes look at."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), scale, filter_delay=FILTER_DELAY_MINUTES, launch_seconds=LAUNCH_SECONDS) as aws,
    ):
        yield aws
