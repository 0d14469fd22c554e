"""boto3: pushes all requests, one after another, then waits for each in that order.

Default: boto3's own waiter, a poll every 5 seconds. Best: the shortest delay that the waiter takes, a second.
"""

from __future__ import annotations

import boto3
from task import Task, Timings

task = Task.given()
s3, runtime = boto3.client("s3"), boto3.client("sagemaker-runtime")
waiter_config = {"Delay": 1, "MaxAttempts": 600} if task.best else {}
timings, outputs = Timings(), []
for number in range(task.requests):
    key = f"{task.inputs}pushed-{number}.json"
    s3.put_object(Bucket=task.bucket, Key=key, Body=task.body, ContentType="application/json")
    reply = runtime.invoke_endpoint_async(
        EndpointName=task.endpoint, InputLocation=f"s3://{task.bucket}/{key}", ContentType="application/json"
    )
    outputs.append({"Bucket": task.bucket, "Key": reply["OutputLocation"].split("/", 3)[3]})
for output in outputs:
    s3.get_waiter("object_exists").wait(**output, WaiterConfig=waiter_config)
    timings.result(s3.get_object(**output)["Body"].read())
timings.end()
