"""A local AWS to measure, with what an endpoint needs, and two models: one echoes at once, one waits as a request says."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import urllib.request
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.program import REGION, Program, client, until

ACCOUNT = "123456789012"
IMAGE = f"763104351884.dkr.ecr.{REGION}.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"
TIME_SCALE = 10.0  # the longest time to live, six AWS hours, is 36 minutes here; times in notifications resolve 0.1 ms

# Echoes its input. LOAD_SECONDS is what its weights take to load.
NOOP = """
import os, time

def model_fn(model_dir):
    time.sleep(float(os.environ.get("LOAD_SECONDS", "0")))

def input_fn(data, content_type):
    return data

def predict_fn(data, model):
    return data

def output_fn(prediction, accept):
    return prediction, accept
"""

# Takes as many seconds as the request says, waiting, and answers with the time at which it answers.
TIMED = """
import json, time

def model_fn(model_dir):
    return None

def input_fn(data, content_type):
    return json.loads(data)

def predict_fn(data, model):
    time.sleep(data["seconds"])
    return data

def output_fn(prediction, accept):
    return json.dumps({"answered": time.time()}), "application/json"
"""


class Harness(Program):
    """A local AWS with a bucket, a role, two topics and one queue subscribed to both."""

    def __init__(
        self,
        time_scale: float = TIME_SCALE,
        program: str | None = None,
        filter_delay: float = 0.0,
        python: str = sys.executable,
        containers: str = "python",
    ) -> None:
        """`program`: Python that runs the console command, in place of the command itself. `filter_delay` in AWS minutes.

        `python` is the interpreter, in whose environment the package is installed.
        """
        scale = ("--time-scale", str(time_scale), "--instance-launch-seconds", "1", "--filter-delay", str(filter_delay))
        engine = () if containers == "python" else ("--containers", containers)
        run = ("-m", "async_endpoint.cli") if program is None else ("-c", program)
        super().__init__(*run, "local", "up", "--port", "0", "--json", *scale, *engine, python=python)
        self.bucket = "bench"
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        for model, code in (("noop", NOOP), ("timed", TIMED)):
            self.s3.put_object(Bucket=self.bucket, Key=f"{model}.tar.gz", Body=archive(code))
        self.role = self._execution_role()
        self.queue, arn = self._open_queue()
        self.topics: dict[str, str] = {}
        for word in ("Success", "Error"):
            topic = self.sns.create_topic(Name=f"bench-{word}")["TopicArn"]
            self._restrict(topic)
            self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
            self.topics[f"{word}Topic"] = topic

    s3 = cached_property(lambda self: client(self.credentials, "s3"))
    sns = cached_property(lambda self: client(self.credentials, "sns"))
    sqs = cached_property(lambda self: client(self.credentials, "sqs"))
    sagemaker = cached_property(lambda self: client(self.credentials, "sagemaker"))

    def endpoint(
        self,
        name: str,
        instances: int = 1,
        concurrency: int = 4,
        real_time: bool = False,
        model: str = "noop",
        include: bool = False,
        image: str = "",
        **environment: str,
    ) -> Endpoint:
        """An endpoint, in service; with `include` its notifications carry small responses. An `image` contains its model."""
        container = {"Image": image} if image else {"Image": IMAGE, "ModelDataUrl": f"s3://{self.bucket}/{model}.tar.gz"}
        environment = {"SAGEMAKER_MODEL_SERVER_WORKERS": str(concurrency), **environment}
        self.sagemaker.create_model(
            ModelName=name, ExecutionRoleArn=self.role, PrimaryContainer=container | {"Environment": environment}
        )
        variant = {
            "VariantName": "primary",
            "ModelName": name,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": instances,
        }
        output = {"S3OutputPath": f"s3://{self.bucket}/{name}/output/", "S3FailurePath": f"s3://{self.bucket}/{name}/failure/"}
        included = {"IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC", "ERROR_NOTIFICATION_TOPIC"]} if include else {}
        asynchronous = {
            "OutputConfig": output | {"NotificationConfig": self.topics | included},
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": concurrency},
        }
        how = {} if real_time else {"AsyncInferenceConfig": asynchronous}
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], **how)
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        made = Endpoint(self, name, concurrency)
        made.until_serving(instances)
        return made

    def status(self, name: str) -> dict[str, Any]:
        """The status of one endpoint: backlog, instances with their process ids, and more."""
        found: dict[str, Any] = next(item for item in self._all()["endpoints"] if item["name"] == name)
        return found

    def now(self) -> float:
        """AWS time, in seconds since the epoch."""
        return float(self._all()["now"])

    def calls(self) -> Counter[str]:
        """How often each action has been called so far, as `service:Action`."""
        by_service = self._all()["calls"].items()
        return Counter({f"{service}:{action}": count for service, calls in by_service for action, count in calls.items()})

    def _all(self) -> dict[str, Any]:
        request = urllib.request.Request(f"{self.url}/_local/status", headers=self.credentials.admin_headers())
        with urllib.request.urlopen(request, timeout=60) as answer:
            document: dict[str, Any] = json.load(answer)
        return document

    def _execution_role(self) -> str:
        iam = client(self.credentials, "iam")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}
        role = iam.create_role(RoleName="bench", AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"]
        here = [f"arn:aws:s3:::{self.bucket}", f"arn:aws:s3:::{self.bucket}/*"]
        allowed: list[dict[str, Any]] = [
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"], "Resource": here},
            {"Effect": "Allow", "Action": "sns:Publish", "Resource": f"arn:aws:sns:{REGION}:{ACCOUNT}:bench-*"},
            {"Effect": "Allow", "Action": ["ecr:*", "logs:*"], "Resource": "*"},
        ]
        iam.put_role_policy(RoleName="bench", PolicyName="execution", PolicyDocument=_policy(*allowed))
        return str(role)

    def _restrict(self, topic: str) -> None:
        """Only the execution role publishes, as module notifications has it: then clients may believe notifications."""
        others = {"ArnNotEquals": {"aws:PrincipalArn": self.role}}
        deny = {"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": topic, "Condition": others}
        self.sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=_policy(deny))

    def _open_queue(self) -> tuple[str, str]:
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:bench"
        sns = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
        attributes = {"Policy": _policy(sns), "VisibilityTimeout": "600"}
        return str(self.sqs.create_queue(QueueName="bench", Attributes=attributes)["QueueUrl"]), arn


@dataclass(frozen=True)
class Endpoint:
    harness: Harness
    name: str
    concurrency: int

    @property
    def backlog(self) -> int:
        return int(self.harness.status(self.name)["backlog"])

    @property
    def containers(self) -> list[int]:
        """The process ids of the instances in service."""
        return [item["pid"] for item in self.harness.status(self.name)["instances"] if item["state"] == "InService"]

    def scale(self, count: int) -> None:
        """Ask for `count` instances; returns at once."""
        wanted = [{"VariantName": "primary", "DesiredInstanceCount": count}]
        self.harness.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=self.name, DesiredWeightsAndCapacities=wanted
        )

    def until_serving(self, count: int) -> None:
        """Wait until `count` instances serve and the endpoint is in service."""

        def serves() -> bool:
            described = self.harness.sagemaker.describe_endpoint(EndpointName=self.name)
            if described["EndpointStatus"] == "Failed":
                raise RuntimeError(f"Endpoint {self.name} failed: {described['FailureReason']}")
            return described["EndpointStatus"] == "InService" and len(self.containers) == count

        until(serves, f"{count} instances of {self.name} serve")


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def archive(code: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(code)
        tar.addfile(member, io.BytesIO(code.encode()))
    return buffer.getvalue()
