"""SageMaker's Python SDK, version 3: ModelBuilder builds and deploys an asynchronous endpoint."""

from __future__ import annotations

import json
import logging
import sys
from urllib.parse import urlsplit

import boto3

logging.disable(logging.INFO)
from sagemaker.core.helper.session_helper import Session  # noqa: E402
from sagemaker.core.inference_config import AsyncInferenceConfig  # noqa: E402
from sagemaker.core.resources import EndpointConfig  # noqa: E402
from sagemaker.serve.model_builder import ModelBuilder  # noqa: E402

order = json.loads(sys.argv[1])
s3 = boto3.client("s3")

builder = ModelBuilder(
    image_uri=order["image"],
    s3_model_data_url=order["model_data"],
    role_arn=order["role"],
    sagemaker_session=Session(default_bucket=order["bucket"]),
    instance_type="ml.m5.large",
    env_vars={"A": "b"},
)
model = builder.build(model_name=order["name"])
endpoint = builder.deploy(
    endpoint_name=order["name"],
    inference_config=AsyncInferenceConfig(output_path=order["output"], failure_path=order["failure"]),
    initial_instance_count=1,
    instance_type="ml.m5.large",
    wait=False,
)
endpoint.wait_for_status("InService", poll=1, timeout=120)
accepted = endpoint.invoke_async(input_location=order["input"], content_type="application/json", inference_id="from-v3")
where = urlsplit(accepted.output_location)
s3.get_waiter("object_exists").wait(Bucket=where.netloc, Key=where.path[1:], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
answer = json.load(s3.get_object(Bucket=where.netloc, Key=where.path[1:])["Body"])
status = endpoint.refresh().endpoint_status
config = EndpointConfig.get(endpoint_config_name=endpoint.endpoint_config_name)
endpoint.delete()
endpoint.wait_for_delete(poll=1, timeout=120)
config.delete()
model.delete()
print()  # after the progress, which has no end of line
print(json.dumps({"answer": answer, "status": status, "inference_id": accepted.inference_id}))
