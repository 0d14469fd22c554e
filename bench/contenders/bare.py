"""boto3's invoke_endpoint_async in a loop, from as many threads as asked for. It collects nothing."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from order import Told

order = json.loads(sys.argv[1])
body = json.dumps({"seconds": order["seconds"]}).encode()
runtime = boto3.client("sagemaker-runtime", config=Config(max_pool_connections=order["threads"]))


def invoke(number: int) -> None:
    runtime.invoke_endpoint_async(EndpointName=order["endpoint"], Body=body, ContentType="application/json")


invoke(0)
told = Told()
with ThreadPoolExecutor(order["threads"]) as pool:
    for _ in pool.map(invoke, range(order["requests"])):
        pass
told.end()
