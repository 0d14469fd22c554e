"""SageMaker's Python SDK, version 2: deploy a model asynchronously, invoke it both ways, and take everything away again."""

from __future__ import annotations

import json
import sys

import sagemaker
from sagemaker.async_inference import AsyncInferenceConfig, WaiterConfig
from sagemaker.deserializers import StringDeserializer
from sagemaker.exceptions import AsyncInferenceModelError
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.serializers import JSONSerializer

order = json.loads(sys.argv[1])
patience = WaiterConfig(delay=1, max_attempts=20)
session = sagemaker.Session(default_bucket=order["bucket"])
model = Model(
    image_uri=order["image"],
    model_data=order["model_data"],
    role=order["role"],
    name=order["name"],
    predictor_cls=Predictor,
    sagemaker_session=session,
)
predictor = model.deploy(
    initial_instance_count=1,
    instance_type="ml.m5.large",
    endpoint_name=order["name"],
    async_inference_config=AsyncInferenceConfig(
        output_path=order["output"], failure_path=order["failure"], max_concurrent_invocations_per_instance=4
    ),
    serializer=JSONSerializer(),
    deserializer=StringDeserializer(accept="application/json"),  # of failures too, which are not JSON
)
waited = predictor.predict(data={"answer": {"waited": True}}, waiter_config=patience)
later = predictor.predict_async(data={"answer": {"later": True}}, inference_id="from-the-sdk").get_result(patience)
try:
    predictor.predict(data={"status": 400, "message": "not this one"}, waiter_config=patience)
    failed = ""
except AsyncInferenceModelError as error:
    failed = str(error)
# By default the SDK deletes the configuration first, while the endpoint uses it, which the local AWS refuses.
predictor.delete_endpoint(delete_endpoint_config=False)
waiter = session.sagemaker_client.get_waiter("endpoint_deleted")
waiter.wait(EndpointName=order["name"], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
session.delete_endpoint_config(predictor.endpoint_name)
model.delete_model()
print("\n" + json.dumps({"answers": [json.loads(waited), json.loads(later)], "failure": failed}))
