"""This repository's client submitting requests, `threads` at a time, while it collects their results."""

from __future__ import annotations

import json
import sys

from task import Timings

from async_endpoint import AsyncEndpoint, ClientConfig

task = json.loads(sys.argv[1])
body = json.dumps({"seconds": task["seconds"]}).encode()
with AsyncEndpoint.from_outputs(
    task["outputs"], endpoint_url=task["url"], config=ClientConfig(concurrency=task["threads"])
) as endpoint:
    endpoint.submit(body).accepted(60)
    timings = Timings()
    for invocation in [endpoint.submit(body) for _ in range(task["requests"])]:
        invocation.accepted(60)
    wall = timings.wall()
timings.end(wall)
