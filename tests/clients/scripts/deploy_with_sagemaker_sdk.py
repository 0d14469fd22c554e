"""SageMaker's Python SDK, version 2: deploy a model asynchronously under names that it makes up, and leave it."""

from __future__ import annotations

import json
import sys

import sagemaker
from sagemaker.async_inference import AsyncInferenceConfig
from sagemaker.model import Model
from sagemaker.predictor import Predictor

order = json.loads(sys.argv[1])
session = sagemaker.Session(default_bucket=order["bucket"])
model = Model(
    image_uri=order["image"],
    model_data=order["model_data"],
    role=order["role"],
    env={"SAGEMAKER_CONTAINER_LOG_LEVEL": "20"},
    predictor_cls=Predictor,
    sagemaker_session=session,
)
predictor = model.deploy(
    initial_instance_count=1,
    instance_type="ml.m5.large",
    endpoint_name=order["name"],
    async_inference_config=AsyncInferenceConfig(),
    tags=[{"Key": "owner", "Value": "data-science"}],
)
print("\n" + json.dumps({"endpoint": predictor.endpoint_name}))
