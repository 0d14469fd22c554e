"""This repository's client, with its defaults: `AsyncEndpoint.submit` for each, results as they come.

`collect` is how results are found: "auto" (notifications, where the caller may have them) or "listing".
"""

from __future__ import annotations

import json
import sys

from order import Told

from async_endpoint.client.config import ClientConfig
from async_endpoint.client.endpoint import AsyncEndpoint

order = json.loads(sys.argv[1])
body = json.dumps({"seconds": order["seconds"]}).encode()
told = Told()
with AsyncEndpoint(
    order["outputs"], endpoint_url=order["url"], config=ClientConfig(collect=order.get("collect", "auto"))
) as endpoint:
    invocations = (body for _ in range(order["requests"]))
    for invocation in endpoint.map(invocations):
        told.result(invocation.result().body)
told.end()
