"""This repository's client, with its defaults: `AsyncEndpoint.submit` for each, results in order.

`collect` is how results are found: "auto" (notifications, where the caller may have them) or "listing".
"""

from __future__ import annotations

import json
import sys

from task import Timings

from async_endpoint import AsyncEndpoint, ClientConfig

task = json.loads(sys.argv[1])
body = json.dumps({"seconds": task["seconds"]}).encode()
config = ClientConfig(collect=task.get("collect", "auto"))
with AsyncEndpoint.from_outputs(task["outputs"], endpoint_url=task["url"], config=config) as endpoint:
    timings = Timings()
    for invocation in endpoint.as_completed(body for _ in range(task["requests"])):
        timings.result(invocation.result().body)
    wall = timings.wall()
timings.end(wall)
