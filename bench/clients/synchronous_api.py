"""The API of a published experiment: an asynchronous route of FastAPI that calls boto3's invoke_endpoint and waits for it.

The call blocks the event loop, so that requests wait for one another however many instances there are.
"""

from __future__ import annotations

import json
import socket
import sys
from typing import Any

import boto3
import uvicorn
from fastapi import FastAPI, Request

task = json.loads(sys.argv[1])
application = FastAPI()
runtime = boto3.client("sagemaker-runtime")


@application.post("/")
async def infer(request: Request) -> Any:
    body = await request.body()
    response = runtime.invoke_endpoint(EndpointName=task["endpoint"], Body=body, ContentType="application/json")
    return json.loads(response["Body"].read())


listener = socket.create_server(("127.0.0.1", 0))
print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
uvicorn.Server(uvicorn.Config(application, log_level="warning")).run([listener])
