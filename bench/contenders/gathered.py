"""aiobotocore and asyncio.gather, as seed 002 does: a task for each request, which puts, invokes, waits and reads.

Default: aiobotocore's own waiter, a look each 5 seconds. Best: the shortest delay that the waiter takes, a second.
"""

from __future__ import annotations

import asyncio

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from order import Order, Told

order = Order.given()
patience = {"Delay": 1, "MaxAttempts": 600} if order.best else {}
wide = AioConfig(max_pool_connections=100)


async def main() -> Told:
    session = get_session()
    async with (
        session.create_client("sagemaker-runtime", config=wide) as runtime,
        session.create_client("s3", config=wide) as s3,
    ):
        told = Told()

        async def answer(number: int) -> None:
            key = f"{order.inputs}gathered-{number}.json"
            await s3.put_object(Bucket=order.bucket, Key=key, Body=order.body, ContentType="application/json")
            reply = await runtime.invoke_endpoint_async(
                EndpointName=order.endpoint, InputLocation=f"s3://{order.bucket}/{key}", ContentType="application/json"
            )
            output = {"Bucket": order.bucket, "Key": reply["OutputLocation"].split("/", 3)[3]}
            await s3.get_waiter("object_exists").wait(**output, WaiterConfig=patience)
            async with (await s3.get_object(**output))["Body"] as body:
                told.result(await body.read())

        await asyncio.gather(*map(answer, range(order.requests)))
        return told


asyncio.run(main()).end()
