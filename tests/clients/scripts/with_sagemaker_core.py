"""sagemaker-core: resources as objects, every answer parsed by pydantic."""

from __future__ import annotations

import json
import sys
from urllib.parse import urlsplit

import boto3
from sagemaker_core.resources import Endpoint, EndpointConfig, Model
from sagemaker_core.shapes import (
    AsyncInferenceClientConfig,
    AsyncInferenceConfig,
    AsyncInferenceOutputConfig,
    ContainerDefinition,
    ProductionVariant,
)

order = json.loads(sys.argv[1])
s3 = boto3.client("s3")


def wait_for(uri: str) -> object:
    where = urlsplit(uri)
    s3.get_waiter("object_exists").wait(Bucket=where.netloc, Key=where.path[1:], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    return json.load(s3.get_object(Bucket=where.netloc, Key=where.path[1:])["Body"])


model = Model.create(
    model_name=order["name"],
    primary_container=ContainerDefinition(image=order["image"], model_data_url=order["model_data"], environment={"A": "b"}),
    execution_role_arn=order["role"],
)
config = EndpointConfig.create(
    endpoint_config_name=order["name"],
    production_variants=[
        ProductionVariant(
            variant_name="primary", model_name=order["name"], initial_instance_count=1, instance_type="ml.m5.large"
        )
    ],
    async_inference_config=AsyncInferenceConfig(
        client_config=AsyncInferenceClientConfig(max_concurrent_invocations_per_instance=4),
        output_config=AsyncInferenceOutputConfig(s3_output_path=order["output"], s3_failure_path=order["failure"]),
    ),
)
endpoint = Endpoint.create(endpoint_name=order["name"], endpoint_config_name=config)
endpoint.wait_for_status("InService", poll=1, timeout=120)
accepted = endpoint.invoke_async(input_location=order["input"], content_type="application/json", inference_id="from-core")
answer = wait_for(accepted.output_location)
listed = [item.endpoint_name for item in Endpoint.get_all(name_contains=order["name"], status_equals="InService")]
status = endpoint.refresh().endpoint_status
endpoint.delete()
endpoint.wait_for_delete(poll=1, timeout=120)
config.delete()
model.delete()
print(json.dumps({"answer": answer, "listed": listed, "status": status, "inference_id": accepted.inference_id}))
