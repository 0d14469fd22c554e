"""Run as a script: begins a batch again and again, and kills it with signal 9 at a random call of a random function.

Each run is a fork of this process, which has loaded everything and started no thread. The child counts the calls of all its
threads, C functions too, and kills itself at a number drawn for it, so the points do not depend on how fast the machine is. Of
five runs one is killed while it opens the manifest, three while they begin to send, one when results come too.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from async_endpoint.aws import AwsSession
from async_endpoint.batch.batch import run_batch
from async_endpoint.core.outputs import AsyncEndpointOutputs

order: dict[str, Any] = json.loads(sys.argv[1])
outputs = AsyncEndpointOutputs.parse(order["outputs"])
session = AwsSession.create(outputs.region, order["url"], attempts=1, connections=20)
for service in ("s3", "sqs", "sns", "sagemaker-runtime"):  # made once: none has a connection yet
    session.client(service)


# Opening the manifest takes some 2,000 calls, making the queue 80,000, then each item 12,000: 100 runs do not come to the end.
CALLS = (1_500, 140_000, 140_000, 140_000, 320_000)


def begin(early: bool, die_at: int) -> None:
    """One run, in a process that ends with it, at the latest."""
    calls = itertools.count()

    def count(*_: Any) -> None:
        if next(calls) == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def start(total: int | None = None) -> None:
        threading.setprofile(count)
        sys.setprofile(count)

    if early:
        start()
    run_batch(outputs, order["source"], Path(order["out"]), session=session, on_source=start)
    os._exit(0)


drawn, ends = random.Random(order["seed"]), Counter[int]()
for number in range(order["kills"]):
    die_at = drawn.randrange(CALLS[number % 5])
    child = os.fork()
    if child == 0:
        try:
            begin(number % 5 == 0, die_at)
        finally:
            os._exit(1)
    ends[os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])] += 1
print(json.dumps(ends))
