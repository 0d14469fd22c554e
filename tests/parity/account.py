"""What a probe works with: guarded clients of one account and region, AWS time, waits, and the shared resources."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from parity.endpoints import Endpoint
from parity.errors import Cancelled, NotObserved
from parity.guard import Guard
from parity.model import EXECUTION_ROLE, archive, registry
from parity.pace import Pace
from parity.probe import INSTANCE_TYPE, Need
from parity.scope import REGION_TAG, TAG, Scope

T = TypeVar("T")
ACCEPTED = "accepted"
SAY_NOTHING = (
    "Throttl",
    "RequestLimitExceeded",
    "TooManyRequests",
    "ResourceLimitExceeded",
    "ExpiredToken",
    "InternalFailure",
    "InternalError",
    "ServiceUnavailable",
    "UnauthorizedOperation",
)


class Account:
    """One account and region during one run. Safe for many threads."""

    def __init__(self, session: boto3.Session, guard: Guard, pace: Pace, endpoint_url: str | None = None) -> None:
        self.session, self.guard, self.pace, self.endpoint_url = session, guard, pace, endpoint_url
        self.region: str = session.region_name
        self._clients: dict[str, Any] = {}
        self._shared: dict[str, Any] = {}
        self._locks: dict[str, threading.RLock] = {}
        self._lock = threading.RLock()
        self._lane = threading.local()
        self._numbers = itertools.count(1)

    @cached_property
    def identity(self) -> dict[str, str]:
        """The answer of GetCallerIdentity."""
        answer: dict[str, str] = self.client("sts").get_caller_identity()
        return answer

    @property
    def id(self) -> str:
        """The number of the account."""
        return self.identity["Account"]

    @property
    def hidden(self) -> dict[str, str]:
        """What a published record must not contain → the word that replaces it."""
        arn, user = self.identity["Arn"], self.identity["UserId"]
        return {arn: "CALLER", user: "CALLER", self.id: "ACCOUNT", self.guard.run: "RUN"}

    @property
    def partition(self) -> str:
        return self.identity["Arn"].split(":")[1]

    # --- clients and names -------------------------------------------------------------------------------------------

    def client(self, service: str) -> Any:
        """A guarded boto3 client: creating calls are named, tagged and removed after the run."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self.unguarded(service)
                self.guard.attach(self._clients[service], self.region)
            return self._clients[service]

    def endpoint_urls(self) -> list[str]:
        """Where the calls of every client of this run go, and would go."""
        with self._lock:
            return [client.meta.endpoint_url for client in self._clients.values()]

    @property
    def scope(self) -> Scope:
        """What belongs to this run."""
        return Scope(self.region, self.guard.run)

    def unguarded(self, service: str) -> Any:
        """A client for the runner's own use: removal, and what the run was not asked to change."""
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 8},
            max_pool_connections=50,
            connect_timeout=10,
            read_timeout=60,
            # botocore presigns for S3 with version 2, which newer regions refuse.
            signature_version="s3v4" if service == "s3" else None,
        )
        return self.session.client(service, endpoint_url=self.endpoint_url, config=config)

    s3 = property(lambda self: self.client("s3"))
    sns = property(lambda self: self.client("sns"))
    sqs = property(lambda self: self.client("sqs"))
    iam = property(lambda self: self.client("iam"))
    kms = property(lambda self: self.client("kms"))
    ec2 = property(lambda self: self.client("ec2"))
    logs = property(lambda self: self.client("logs"))
    cloudwatch = property(lambda self: self.client("cloudwatch"))
    scaling = property(lambda self: self.client("application-autoscaling"))
    tagging = property(lambda self: self.client("resourcegroupstaggingapi"))
    sagemaker = property(lambda self: self.client("sagemaker"))
    runtime = property(lambda self: self.client("sagemaker-runtime"))

    def name(self, word: str) -> str:
        """A new name for a resource of this run; `word` is short, lower case, and says what it is for."""
        return f"{self.guard.prefix}{word}-{next(self._numbers)}"

    # --- time --------------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """AWS time, in epoch seconds."""
        return self.pace.now()

    def within(self, look: Callable[[], T | None], seconds: float) -> T | None:
        """What `look` returns once that is true, or None when it is not within `seconds` of AWS time."""
        deadline = time.monotonic() + max(self.pace.wall(seconds), self.pace.grace)
        pause = min(0.05, self.pace.longest_poll)
        while not (seen := look()):
            if time.monotonic() > deadline:
                return None
            self.pause(pause)
            pause = min(pause * 1.5, self.pace.longest_poll)
        return seen

    def until(self, look: Callable[[], T | None], what: str, seconds: float) -> T:
        """As `within`, for what the probe needs but does not judge: raises NotObserved, so that it ends undecided."""
        seen = self.within(look, seconds)
        if seen is None:
            raise NotObserved(f"not within {seconds:g} s: {what}")
        return seen

    @property
    def long_poll(self) -> dict[str, int]:
        """Parameters of ReceiveMessage. On AWS, a short poll asks some servers only and misses messages of the others."""
        return {"WaitTimeSeconds": min(int(self.pace.longest_poll), 2)}

    def elapse(self, seconds: float) -> None:
        """Let AWS seconds pass: before something is found absent, or between steps that AWS needs apart."""
        end = self.now() + seconds
        while (left := end - self.now()) > 0:
            self.pause(min(self.pace.wall(left), 1.0))

    def pause(self, wall_seconds: float) -> None:
        """Sleep, unless the run is cancelled: raises Cancelled."""
        if self.guard.cancelled.wait(wall_seconds):
            raise Cancelled

    # --- calls and things --------------------------------------------------------------------------------------------

    @staticmethod
    def attempt(call: Callable[..., Any], **params: Any) -> str:
        """`accepted`, or the code and message that AWS refuses the call with.

        Raises NotObserved for an answer that says nothing about the call: the caller is throttled, at a quota or not permitted.
        """
        try:
            call(**params)
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            # A ValidationException may quote the same words about the execution role: that is an observation.
            denied = code.startswith("AccessDenied") and "is not authorized to perform" in message
            if denied or code.startswith(SAY_NOTHING):
                raise NotObserved(f"{code}: {message}") from error
            return f"{code}: {message}"
        return ACCEPTED

    def lock(self, name: str) -> threading.RLock:
        """The lock of this name, the same for all threads."""
        with self._lock:
            return self._locks.setdefault(name, threading.RLock())

    def shared(self, name: str, create: Callable[[], T], need: str = "shared") -> T:
        """The thing of this name, created by its first user; a failed creation fails for every user.

        Its endpoints belong to `need`, so that they are deleted when no probe has that any more.
        """
        with self.lock(name):
            if name not in self._shared:
                try:
                    with self.guard.acting_for(need):
                        self._shared[name] = create()
                except Exception as error:
                    self._shared[name] = error
            if isinstance(self._shared[name], Exception):
                raise NotObserved(f"no {name}: {self._shared[name]}")
            made: T = self._shared[name]
            return made

    @property
    def bucket(self) -> str:
        """The shared bucket, with the model's archive in it."""
        return self.shared("bucket", self.make_bucket)

    def make_bucket(self) -> str:
        """A bucket of a probe's own, tagged."""
        name = f"{self.name('bucket')}-{self.id}"
        where = {} if self.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        tags = [{"Key": TAG, "Value": self.guard.run}, {"Key": REGION_TAG, "Value": self.region}]
        self.s3.create_bucket(Bucket=name, **where)
        self.s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
        return name

    @property
    def archive(self) -> str:
        """The S3 URI of the echo model's archive (`parity.model`)."""

        def put() -> str:
            self.s3.put_object(Bucket=self.bucket, Key="model/model.tar.gz", Body=archive())
            return f"s3://{self.bucket}/model/model.tar.gz"

        return self.shared("archive", put)

    @property
    def role(self) -> str:
        """The ARN of the shared execution role, which may use this run's buckets and topics."""
        return self.shared("role", self.make_role)

    def make_role(self) -> str:
        """An execution role of a probe's own; returns its ARN."""
        name = self.name("role")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn: str = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        policy = json.dumps(EXECUTION_ROLE).replace("PREFIX", self.guard.prefix).replace("PARTITION", self.partition)
        self.iam.put_role_policy(RoleName=name, PolicyName="execution", PolicyDocument=policy)
        return arn

    @property
    def image(self) -> str:
        """A framework image of AWS in this region."""
        suffix = "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"
        return f"{registry(self.region)}.dkr.ecr.{self.region}.{suffix}/pytorch-inference:2.6.0-cpu-py312"

    @property
    def model(self) -> str:
        """The name of the shared model."""
        return self.shared("model", self.make_model)

    def make_model(self, **changes: Any) -> str:
        """A model of a probe's own: the echo model, with these arguments of CreateModel added or replaced."""
        name = self.name("model")
        container = {"Image": self.image, "ModelDataUrl": self.archive}
        request = {"ModelName": name, "ExecutionRoleArn": self.role, "PrimaryContainer": container} | changes
        # IAM takes seconds until another service sees a new role.
        self.until(lambda: self._made_model(request), f"CreateModel accepts the role {request['ExecutionRoleArn']}", 120)
        return name

    def _made_model(self, request: dict[str, Any]) -> bool:
        try:
            self.sagemaker.create_model(**{key: value for key, value in request.items() if value is not None})
        except ClientError as error:
            if any(text in str(error) for text in ("assume role", "Could not access")):
                return False
            raise
        return True

    # --- endpoints ---------------------------------------------------------------------------------------------------

    @property
    def endpoint(self) -> Endpoint:
        """The shared endpoint: asynchronous, one instance, with both topics, each with a queue. No probe changes it."""
        return self.shared("endpoint", lambda: self.make_endpoint("shared", topics=True), Need.ENDPOINT)

    @property
    def sleeper(self) -> Endpoint:
        """The endpoint that probes scale, one at a time (Need.SLEEPER); it has no scalable target to begin with.

        Its instance takes one request at a time.
        """
        lane = getattr(self._lane, "number", 0)

        def make() -> Endpoint:
            return self.make_endpoint("sleeper", topics=True, concurrency=1)

        return self.shared(f"scaling endpoint {lane}", make, Need.SLEEPER)

    def use_lane(self, number: int) -> None:
        """From now on `sleeper` is the scaling endpoint of this number, for this thread."""
        self._lane.number = number

    def make_config(
        self, model: str | None = None, topics: dict[str, Any] | None = None, concurrency: int = 0, **variant: Any
    ) -> str:
        """An asynchronous endpoint configuration; `variant` adds to or replaces fields of its one variant.

        `concurrency` is MaxConcurrentInvocationsPerInstance, 0 for AWS's choice.
        """
        name = self.name("config")
        production = {
            "VariantName": "primary",
            "ModelName": model or self.model,
            "InstanceType": INSTANCE_TYPE,
            "InitialInstanceCount": 1,
        }
        output = {"S3OutputPath": f"s3://{self.bucket}/output/", "S3FailurePath": f"s3://{self.bucket}/failure/"}
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[production | variant],
            AsyncInferenceConfig={
                "OutputConfig": output | ({"NotificationConfig": topics} if topics else {}),
                **({"ClientConfig": {"MaxConcurrentInvocationsPerInstance": concurrency}} if concurrency else {}),
            },
        )
        return name

    def make_endpoint(
        self, word: str, *, config: str | None = None, topics: bool = False, concurrency: int = 0, wait: bool = True
    ) -> Endpoint:
        """An endpoint of this configuration, or of a new one; with `topics`, both, each with a queue."""
        made = Endpoint(self, self.name(word))
        if topics:
            made.add_topics()
        made.config = config or self.make_config(topics=made.topics or None, concurrency=concurrency)
        self.sagemaker.create_endpoint(EndpointName=made.name, EndpointConfigName=made.config)
        if wait:
            made.until_status("InService")
        return made
