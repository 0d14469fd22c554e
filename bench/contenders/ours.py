"""This repository's client, with its defaults: `AsyncEndpoint.submit` for each, results as they come.

`collect` is how results are found: "auto" (notifications, where the caller may have them) or "listing".
"""

from __future__ import annotations

import json
import sys

from order import Told

from async_endpoint.client import AsyncEndpoint, ClientConfig

order = json.loads(sys.argv[1])
body = json.dumps({"seconds": order["seconds"]}).encode()
config = ClientConfig(collect=order.get("collect", "auto"))
with AsyncEndpoint(order["outputs"], endpoint_url=order["url"], config=config) as endpoint:
    told = Told()
    for invocation in endpoint.map(body for _ in range(order["requests"])):
        told.result(invocation.result().body)
    wall = told.wall()
told.end(wall)
