"""boto3's invoke_endpoint_async in a loop, from `threads` threads. It collects nothing."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from task import Timings

task = json.loads(sys.argv[1])
body = json.dumps({"seconds": task["seconds"]}).encode()
runtime = boto3.client("sagemaker-runtime", config=Config(max_pool_connections=task["threads"]))


def invoke(number: int) -> None:
    runtime.invoke_endpoint_async(EndpointName=task["endpoint"], Body=body, ContentType="application/json")


invoke(0)
timings = Timings()
with ThreadPoolExecutor(task["threads"]) as pool:
    for _ in pool.map(invoke, range(task["requests"])):
        pass
timings.end()
