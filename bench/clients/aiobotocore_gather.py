"""aiobotocore and asyncio.gather, a task for each request, which puts, invokes, waits and reads.

Default: aiobotocore's own waiter, a poll every 5 seconds. Best: the shortest delay that the waiter takes, a second.
"""

from __future__ import annotations

import asyncio

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from task import Task, Timings

task = Task.given()
waiter_config = {"Delay": 1, "MaxAttempts": 600} if task.best else {}
wide = AioConfig(max_pool_connections=100)


async def main() -> Timings:
    session = get_session()
    async with (
        session.create_client("sagemaker-runtime", config=wide) as runtime,
        session.create_client("s3", config=wide) as s3,
    ):
        timings = Timings()

        async def answer(number: int) -> None:
            key = f"{task.inputs}gathered-{number}.json"
            await s3.put_object(Bucket=task.bucket, Key=key, Body=task.body, ContentType="application/json")
            reply = await runtime.invoke_endpoint_async(
                EndpointName=task.endpoint, InputLocation=f"s3://{task.bucket}/{key}", ContentType="application/json"
            )
            output = {"Bucket": task.bucket, "Key": reply["OutputLocation"].split("/", 3)[3]}
            await s3.get_waiter("object_exists").wait(**output, WaiterConfig=waiter_config)
            async with (await s3.get_object(**output))["Body"] as body:
                timings.result(await body.read())

        await asyncio.gather(*map(answer, range(task.requests)))
        return timings


asyncio.run(main()).end()
