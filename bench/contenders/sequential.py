"""boto3, one request after another, as seed 000's script does: put, invoke, wait for the output, read it.

Default: boto3's own waiter, a look each 5 seconds. Best: the shortest delay that the waiter takes, a second.
"""

from __future__ import annotations

import boto3
from order import Order, Told

order = Order.given()
s3, runtime = boto3.client("s3"), boto3.client("sagemaker-runtime")
patience = {"Delay": 1, "MaxAttempts": 600} if order.best else {}
told = Told()
for number in range(order.requests):
    key = f"{order.inputs}sequential-{number}.json"
    s3.put_object(Bucket=order.bucket, Key=key, Body=order.body, ContentType="application/json")
    reply = runtime.invoke_endpoint_async(
        EndpointName=order.endpoint, InputLocation=f"s3://{order.bucket}/{key}", ContentType="application/json"
    )
    output = {"Bucket": order.bucket, "Key": reply["OutputLocation"].split("/", 3)[3]}
    s3.get_waiter("object_exists").wait(**output, WaiterConfig=patience)
    told.result(s3.get_object(**output)["Body"].read())
told.end()
