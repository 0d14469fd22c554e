"""A local AWS in this process, met as a customer meets it: through boto3. Helpers make what a test needs in a few lines."""

from __future__ import annotations

import io
import itertools
import json
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from async_endpoint.contract.notifications import Notification, parse_notification
from async_endpoint.contract.s3_uri import S3Uri
from async_endpoint.local.aws import LocalAws

REGION, ACCOUNT = "eu-west-1", "123456789012"
IMAGE = f"763104351884.dkr.ecr.{REGION}.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"

# Does what the request says: a JSON object of orders, carried out in this order. Anything else comes back as it came.
OBEDIENT = """
import json, os, subprocess, sys, threading, time
from sagemaker_inference.errors import BaseInferenceToolkitError

BUSY, LOCK = set(), threading.Lock()

def model_fn(model_dir):
    return open(os.path.join(model_dir, "weights.txt")).read()

def input_fn(data, content_type, context):
    orders = json.loads(data) if content_type == "application/json" else {"echo": None}
    orders["seen"] = {
        "content_type": content_type,
        "attributes": context.get_request_header(0, "X-Amzn-SageMaker-Custom-Attributes"),
        "inference_id": context.get_request_header(0, "X-Amzn-SageMaker-Inference-Id"),
        "bytes": len(data),
    }
    orders["data"] = data
    return orders

def predict_fn(orders, model):
    with LOCK:
        BUSY.add(threading.get_ident())
        together = len(BUSY)
    try:
        if "print" in orders:
            print(orders["print"])
        if "touch" in orders:
            open(orders["touch"], "a").write(f"{os.getpid()}\\n")
        while "until" in orders and not os.path.exists(orders["until"]):
            with LOCK:
                together = max(together, len(BUSY))
            time.sleep(0.005)
        if "leave_child" in orders:
            return str(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid)
        if "exit" in orders:
            os._exit(orders["exit"])
        if "status" in orders:
            raise BaseInferenceToolkitError(orders["status"], orders["message"], "refused")
        if "raise" in orders:
            raise RuntimeError(orders["raise"])
        if "echo" in orders:
            return orders["data"]
        if "unfit" in orders:
            return {"unfit": {1, 2}}
        if "answer" in orders:
            return orders["answer"]
        return {"seen": orders["seen"], "weights": model, "together": together, "environment": dict(os.environ)}
    finally:
        with LOCK:
            BUSY.discard(threading.get_ident())

def output_fn(prediction, accept):
    if isinstance(prediction, (bytes, str)):
        return prediction, accept
    if isinstance(prediction, dict) and "unfit" in prediction:
        return prediction["unfit"]
    return json.dumps(prediction), accept
"""

# By purpose, so that a test can take one away. {bucket} stands for the bucket's ARN.
ALLOWED: dict[str, tuple[list[str], str]] = {
    "read": (["s3:GetObject"], "{bucket}/*"),
    "write": (["s3:PutObject"], "{bucket}/*"),
    "list": (["s3:ListBucket"], "{bucket}"),
    "announce": (["sns:Publish"], "*"),
    "pull": (["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "*"),
    "log in": (["ecr:GetAuthorizationToken"], "*"),
    "log": (["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "*"),
}

_numbers = itertools.count(1)
Seen = TypeVar("Seen")


def until(look: Callable[[], Seen], what: str, seconds: float = 30.0) -> Seen:
    """What `look` returns once that is true; fails the test, naming `what`, when it is not within `seconds`."""
    deadline, pause = time.monotonic() + seconds, 0.01
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}; last seen: {seen!r}"
        time.sleep(pause)
        pause = min(pause * 1.3, 0.1)
    return seen


def process_runs(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody has collected yet does not."""
    if not Path("/proc/self/stat").exists():
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
        return state.strip()[:1] not in ("", "Z")
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def unique(word: str) -> str:
    return f"{word}-{next(_numbers)}"


def archive(code: str = OBEDIENT, requirements: str | None = None, extra: Iterable[tarfile.TarInfo] = ()) -> bytes:
    """A model archive as bytes: code/inference.py, a weights file, and what is asked for."""
    files = {"weights.txt": "feather", "code/inference.py": code}
    if requirements is not None:
        files["code/requirements.txt"] = requirements
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            content = text.encode(errors="surrogateescape")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for member in extra:
            tar.addfile(member, io.BytesIO(b""))
    return buffer.getvalue()


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    """The code and the message that a call is refused with; fails the test when it is not."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError(f"accepted: {answer}")


@dataclass(frozen=True)
class Outcome:
    """The one terminal state of a request. `kind` is output or failure."""

    kind: str
    body: bytes
    content_type: str

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Invoked:
    inference_id: str
    output: str
    failure: str


class Kit:
    """boto3 clients of one local AWS, and what tests make with them."""

    def __init__(self, aws: LocalAws, folder: Path) -> None:
        self.aws = aws
        self.url = aws.record.endpoint_url
        self.folder = folder / aws.instance_id

    def nothing_is_left_over(self) -> None:
        """Every container that still has files is an instance of some endpoint."""

        def leftovers() -> set[str]:
            known = {instance["id"] for endpoint in self.aws.status()["endpoints"] for instance in endpoint["instances"]}
            return {path.name for path in self.folder.iterdir()} - known

        until(lambda: not leftovers(), f"no container is left over in {self.folder}")

    def client(self, service: str, region: str = REGION, **config: Any) -> Any:
        return boto3.client(
            service,
            region,
            endpoint_url=self.url,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"total_max_attempts": 1}, **config),
        )

    s3 = cached_property(lambda self: self.client("s3"))
    sns = cached_property(lambda self: self.client("sns"))
    sqs = cached_property(lambda self: self.client("sqs"))
    iam = cached_property(lambda self: self.client("iam"))
    kms = cached_property(lambda self: self.client("kms"))
    logs = cached_property(lambda self: self.client("logs"))
    cloudwatch = cached_property(lambda self: self.client("cloudwatch"))
    scaling = cached_property(lambda self: self.client("application-autoscaling"))
    sagemaker = cached_property(lambda self: self.client("sagemaker"))
    runtime = cached_property(lambda self: self.client("sagemaker-runtime"))

    # --- one thing each ----------------------------------------------------------------------------------------------

    def bucket(self) -> str:
        name = unique("bucket")
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return name

    def put(self, bucket: str, key: str, body: bytes, **more: Any) -> str:
        self.s3.put_object(Bucket=bucket, Key=key, Body=body, **more)
        return f"s3://{bucket}/{key}"

    def read(self, uri: str) -> Outcome | None:
        """The object at `uri`, or None."""
        where = S3Uri.parse(uri)
        try:
            found = self.s3.get_object(Bucket=where.bucket, Key=where.key)
        except self.s3.exceptions.NoSuchKey:
            return None
        return Outcome("", found["Body"].read(), found["ContentType"])

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        found = self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for item in found.get("Contents", ())]

    def role(self, trusted: str = "sagemaker.amazonaws.com") -> Role:
        name = unique("role")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": trusted}}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        return Role(self, name, arn)

    def topic(self, **attributes: str) -> str:
        arn: str = self.sns.create_topic(Name=unique("topic"), Attributes=attributes)["TopicArn"]
        return arn

    def queue(self, *, open_to_sns: bool = True, **attributes: str) -> Queue:
        url = self.sqs.create_queue(QueueName=unique("queue"), Attributes=attributes)["QueueUrl"]
        queue = Queue(self, url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rsplit('/', maxsplit=1)[-1]}")
        if open_to_sns:
            queue.allow({"Service": "sns.amazonaws.com"})
        return queue

    def subscribe(self, topic: str, queue: Queue, **attributes: str) -> None:
        self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes)

    def model(self, bucket: str, role: Role, model_archive: bytes | None = None, **environment: str) -> str:
        name = unique("model")
        container = {"Image": IMAGE, "Environment": environment}
        container["ModelDataUrl"] = self.put(bucket, f"model/{name}.tar.gz", model_archive or archive())
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role.arn, PrimaryContainer=container)
        return name

    def config(self, model: str, bucket: str, *, concurrency: int = 4, topics: Any = None, **variant: Any) -> str:
        name = unique("config")
        self.sagemaker.create_endpoint_config(**self.config_request(name, model, bucket, concurrency, topics, **variant))
        return name

    @staticmethod
    def config_request(
        name: str, model: str, bucket: str, concurrency: int = 4, topics: dict[str, Any] | None = None, **variant: Any
    ) -> dict[str, Any]:
        output = {"S3OutputPath": f"s3://{bucket}/output/", "S3FailurePath": f"s3://{bucket}/failure/"}
        first = {"VariantName": "primary", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        return {
            "EndpointConfigName": name,
            "ProductionVariants": [first | variant],
            "AsyncInferenceConfig": {
                "ClientConfig": {"MaxConcurrentInvocationsPerInstance": concurrency},
                "OutputConfig": output | ({"NotificationConfig": topics} if topics else {}),
            },
        }

    def forget_scaling(self, deployed: Deployed) -> None:
        """Take away the target and the alarms of an endpoint, that later minutes need not go through them."""
        target = {"ServiceNamespace": "sagemaker", "ScalableDimension": DIMENSION, "ResourceId": deployed.resource_id}
        if self.scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[deployed.resource_id])[
            "ScalableTargets"
        ]:
            self.scaling.deregister_scalable_target(**target)
        found = self.cloudwatch.describe_alarms()["MetricAlarms"]
        names = [
            alarm["AlarmName"] for alarm in found if {"Name": "EndpointName", "Value": deployed.name} in alarm["Dimensions"]
        ]
        if names:
            self.cloudwatch.delete_alarms(AlarmNames=names)

    # --- a whole endpoint --------------------------------------------------------------------------------------------

    def endpoint(
        self,
        model_archive: bytes | None = None,
        *,
        topics: bool = False,
        include: Iterable[str] = (),
        wait: bool = True,
        concurrency: int = 4,
        variant: dict[str, Any] | None = None,
        **environment: str,
    ) -> Deployed:
        """Bucket, role, model, configuration and endpoint; with `topics`, two topics with a queue each too."""
        bucket, role = self.bucket(), self.role()
        role.allow(bucket)
        deployed = Deployed(self, unique("endpoint"), bucket, role)
        told: dict[str, Any] = {}
        if topics:
            for word in ("Success", "Error"):
                told[f"{word}Topic"], queue = self.topic(), self.queue()
                self.subscribe(told[f"{word}Topic"], queue)
                deployed.queues[word] = queue
            told |= {"IncludeInferenceResponseIn": list(include)} if include else {}
            deployed.topics = told
        deployed.model = self.model(bucket, role, model_archive, **environment)
        deployed.config = self.config(deployed.model, bucket, concurrency=concurrency, topics=told, **(variant or {}))
        self.sagemaker.create_endpoint(EndpointName=deployed.name, EndpointConfigName=deployed.config)
        if wait:
            deployed.until_status("InService")
            deployed.announced = [until(queue.take, "the TestNotification") for queue in deployed.queues.values()]
        return deployed


@dataclass
class Role:
    kit: Kit = field(repr=False)
    name: str
    arn: str

    def allow(self, bucket: str, *, without: Iterable[str] = (), more: Iterable[dict[str, Any]] = ()) -> None:
        """Give the role what an execution role needs on `bucket`, without some of it, in place of what it had."""
        statements = [
            {"Effect": "Allow", "Action": actions, "Resource": resource.format(bucket=f"arn:aws:s3:::{bucket}")}
            for purpose, (actions, resource) in ALLOWED.items()
            if purpose not in without
        ]
        document = {"Version": "2012-10-17", "Statement": [*statements, *more]}
        self.kit.iam.put_role_policy(RoleName=self.name, PolicyName="execution", PolicyDocument=json.dumps(document))


@dataclass
class Queue:
    kit: Kit = field(repr=False)
    url: str
    arn: str
    kept: list[str] = field(default_factory=list, repr=False)

    def allow(self, principal: Any, **statement: Any) -> None:
        allowed = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": self.arn, "Principal": principal, **statement}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        self.kit.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})

    def take(self) -> list[str]:
        """The bodies of up to ten messages, which are then gone from the queue."""
        found = self.kit.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            self.kit.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in found]

    def notification(self) -> Notification:
        """The next notification that is not the TestNotification."""

        def look() -> Notification | None:
            for body in self.take():
                self.kept.append(body)
            while self.kept:
                parsed = parse_notification(self.kept.pop(0))
                if parsed is not None:
                    return parsed
            return None

        return until(look, f"a notification in {self.url}")


@dataclass
class Deployed:
    kit: Kit = field(repr=False)
    name: str
    bucket: str
    role: Role
    model: str = ""
    config: str = ""
    queues: dict[str, Queue] = field(default_factory=dict)
    topics: dict[str, Any] = field(default_factory=dict)
    announced: list[list[str]] = field(default_factory=list, repr=False)

    @property
    def resource_id(self) -> str:
        return f"endpoint/{self.name}/variant/primary"

    def describe(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.kit.sagemaker.describe_endpoint(EndpointName=self.name)
        return answer

    def until_status(self, *wanted: str) -> dict[str, Any]:
        described = until(
            lambda: seen if (seen := self.describe())["EndpointStatus"] in (*wanted, "Failed") else None,
            f"endpoint {self.name} is {wanted}",
        )
        assert described["EndpointStatus"] in wanted, described.get("FailureReason")
        return described

    def status(self) -> dict[str, Any]:
        """This endpoint in the local AWS's own status document."""
        return next(item for item in self.kit.aws.status()["endpoints"] if item["name"] == self.name)

    def serving(self, count: int = 1) -> list[dict[str, Any]]:
        """The instances, once exactly `count` serve and no other is there."""

        def look() -> list[dict[str, Any]] | None:
            instances: list[dict[str, Any]] = self.status()["instances"]
            return instances if [item["state"] for item in instances] == ["InService"] * count else None

        return until(lambda: look() is not None, f"{count} instances serve") and self.status()["instances"]

    def scale(self, count: int) -> None:
        wanted = [{"VariantName": "primary", "DesiredInstanceCount": count}]
        self.kit.sagemaker.update_endpoint_weights_and_capacities(EndpointName=self.name, DesiredWeightsAndCapacities=wanted)

    def asleep(self) -> Deployed:
        """This endpoint, at zero instances."""
        self.scale(0)
        until(lambda: not self.status()["instances"], f"endpoint {self.name} has no instance")
        self.until_status("InService")
        return self

    def invoke(self, orders: dict[str, Any] | None = None, **arguments: Any) -> Invoked:
        """Send orders to the obedient model, inline, or whatever `arguments` say."""
        if orders is not None:
            arguments = {"Body": json.dumps(orders).encode(), "ContentType": "application/json"} | arguments
        answer = self.kit.runtime.invoke_endpoint_async(EndpointName=self.name, **arguments)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
        return Invoked(answer["InferenceId"], answer["OutputLocation"], answer["FailureLocation"])

    def seen(self, invoked: Invoked) -> Outcome | None:
        """The outcome as it is now; fails the test when there are two."""
        found = {kind: self.kit.read(uri) for kind, uri in (("output", invoked.output), ("failure", invoked.failure))}
        ended = [Outcome(kind, item.body, item.content_type) for kind, item in found.items() if item is not None]
        assert len(ended) < 2, f"two outcomes of one request: {ended}"
        return ended[0] if ended else None

    def outcome(self, invoked: Invoked, seconds: float = 30.0) -> Outcome:
        return until(lambda: self.seen(invoked), f"an outcome of {invoked}", seconds)

    def ask(self, orders: dict[str, Any] | None = None, **arguments: Any) -> Outcome:
        return self.outcome(self.invoke(orders, **arguments))

    def failure(self, orders: dict[str, Any] | None = None, **arguments: Any) -> str:
        """The reason that a request failed for."""
        outcome = self.ask(orders, **arguments)
        assert outcome.kind == "failure", outcome
        return outcome.body.decode()

    def log_lines(self) -> list[str]:
        group = f"/aws/sagemaker/Endpoints/{self.name}"
        try:
            events = self.kit.logs.filter_log_events(logGroupName=group)["events"]
        except self.kit.logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in events]

    def metric(self, name: str, statistic: str = "Sum", variant: bool = True) -> list[float]:
        """The datapoints of a metric over this local AWS's whole life, oldest first."""
        dimensions = [{"Name": "EndpointName", "Value": self.name}]
        dimensions += [{"Name": "VariantName", "Value": "primary"}] if variant else []
        now = self.kit.aws.clock.now()
        found = self.kit.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=name,
            Dimensions=dimensions,
            StartTime=now - 20 * 3600,
            EndTime=now + 3600,
            Period=60,
            Statistics=[statistic],
        )
        points = sorted(found["Datapoints"], key=lambda point: point["Timestamp"])
        return [point[statistic] for point in points]

    def delete(self) -> None:
        self.kit.sagemaker.delete_endpoint(EndpointName=self.name)
