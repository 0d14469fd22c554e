"""This repository's client handing over requests, as many at a time as asked for, while it listens for their results."""

from __future__ import annotations

import json
import sys

from order import Told

from async_endpoint.client import AsyncEndpoint, ClientConfig

order = json.loads(sys.argv[1])
body = json.dumps({"seconds": order["seconds"]}).encode()
with AsyncEndpoint(order["outputs"], endpoint_url=order["url"], config=ClientConfig(concurrency=order["threads"])) as endpoint:
    endpoint.submit(body).accepted(60)
    told = Told()
    for invocation in [endpoint.submit(body) for _ in range(order["requests"])]:
        invocation.accepted(60)
    wall = told.wall()
told.end(wall)
