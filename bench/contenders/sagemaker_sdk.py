"""SageMaker's Python SDK: AsyncPredictor.predict, a thread for each request, since it waits in the thread that calls it.

Default: its own WaiterConfig, a look each 15 seconds. Best: the shortest delay it takes, a second.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import boto3
import sagemaker
from botocore.config import Config
from order import Order, Told
from sagemaker.async_inference import WaiterConfig
from sagemaker.deserializers import BytesDeserializer
from sagemaker.predictor import Predictor
from sagemaker.predictor_async import AsyncPredictor
from sagemaker.serializers import JSONSerializer

order = Order.given()
wide = Config(max_pool_connections=256)  # else most of 100 threads wait for a connection; kind to it in both settings
session = sagemaker.Session(
    default_bucket=order.bucket,
    sagemaker_client=boto3.client("sagemaker", config=wide),
    sagemaker_runtime_client=boto3.client("sagemaker-runtime", config=wide),
)
predictor = AsyncPredictor(
    Predictor(order.endpoint, session, serializer=JSONSerializer(), deserializer=BytesDeserializer()), name=order.endpoint
)
predictor.s3_client = boto3.client("s3", config=wide)
patience = WaiterConfig(delay=1, max_attempts=600) if order.best else WaiterConfig()
told = Told()
with ThreadPoolExecutor(order.requests) as pool:
    for _ in pool.map(
        lambda _: told.result(predictor.predict(data={"seconds": order.seconds}, waiter_config=patience)), range(order.requests)
    ):
        pass
told.end()
