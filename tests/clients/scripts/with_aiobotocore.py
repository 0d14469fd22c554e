"""aiobotocore: everything without a thread, its own HTTP client and its own parsers' streams."""

from __future__ import annotations

import asyncio
import json
import sys
from urllib.parse import urlsplit

from aiobotocore.session import get_session

order = json.loads(sys.argv[1])
QUICK = {"Delay": 1, "MaxAttempts": 120}


async def main() -> None:
    session = get_session()
    async with (
        session.create_client("sagemaker") as sagemaker,
        session.create_client("sagemaker-runtime") as runtime,
        session.create_client("s3") as s3,
    ):
        named = {"EndpointName": order["name"]}
        container = {"Image": order["image"], "ModelDataUrl": order["model_data"]}
        await sagemaker.create_model(ModelName=order["name"], ExecutionRoleArn=order["role"], PrimaryContainer=container)
        variant = {"VariantName": "primary", "ModelName": order["name"], "InstanceType": "ml.m5.large"}
        output = {"S3OutputPath": order["output"], "S3FailurePath": order["failure"]}
        await sagemaker.create_endpoint_config(
            EndpointConfigName=order["name"],
            ProductionVariants=[variant | {"InitialInstanceCount": 1}],
            AsyncInferenceConfig={"OutputConfig": output},
        )
        await sagemaker.create_endpoint(**named, EndpointConfigName=order["name"])
        await sagemaker.get_waiter("endpoint_in_service").wait(**named, WaiterConfig=QUICK)

        async def answer(number: int) -> object:
            accepted = await runtime.invoke_endpoint_async(
                **named, InputLocation=order["input"], ContentType="application/json", InferenceId=f"aio-{number}"
            )
            where = urlsplit(accepted["OutputLocation"])
            object_there = {"Bucket": where.netloc, "Key": where.path[1:]}
            await s3.get_waiter("object_exists").wait(**object_there, WaiterConfig=QUICK)
            async with (await s3.get_object(**object_there))["Body"] as body:
                return json.loads(await body.read())

        answers = await asyncio.gather(*map(answer, range(8)))
        pages = sagemaker.get_paginator("list_endpoints").paginate(NameContains=order["name"])
        listed = [item["EndpointName"] async for page in pages for item in page["Endpoints"]]
        await sagemaker.delete_endpoint(**named)
        await sagemaker.get_waiter("endpoint_deleted").wait(**named, WaiterConfig=QUICK)
        await sagemaker.delete_endpoint_config(EndpointConfigName=order["name"])
        await sagemaker.delete_model(ModelName=order["name"])
    print(json.dumps({"answers": answers, "listed": listed}))


asyncio.run(main())
