"""SageMaker's Python SDK: AsyncPredictor.predict, a thread for each request, since it waits in the thread that calls it.

Default: its own WaiterConfig, a poll every 15 seconds. Best: the shortest delay it takes, a second.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import boto3
import sagemaker
from botocore.config import Config
from sagemaker.async_inference import WaiterConfig
from sagemaker.deserializers import BytesDeserializer
from sagemaker.predictor import Predictor
from sagemaker.predictor_async import AsyncPredictor
from sagemaker.serializers import JSONSerializer
from task import Task, Timings

task = Task.given()
wide = Config(max_pool_connections=256)  # else most of 100 threads wait for a connection; the same in both settings
session = sagemaker.Session(
    default_bucket=task.bucket,
    sagemaker_client=boto3.client("sagemaker", config=wide),
    sagemaker_runtime_client=boto3.client("sagemaker-runtime", config=wide),
)
predictor = AsyncPredictor(
    Predictor(task.endpoint, session, serializer=JSONSerializer(), deserializer=BytesDeserializer()), name=task.endpoint
)
predictor.s3_client = boto3.client("s3", config=wide)
waiter_config = WaiterConfig(delay=1, max_attempts=600) if task.best else WaiterConfig()
timings = Timings()
with ThreadPoolExecutor(task.requests) as pool:
    for _ in pool.map(
        lambda _: timings.result(predictor.predict(data={"seconds": task.seconds}, waiter_config=waiter_config)),
        range(task.requests),
    ):
        pass
timings.end()
