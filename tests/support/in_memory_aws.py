"""AWS as the client sees it, in memory: no network, and a clock that moves only when someone waits."""

# ruff: noqa: N803 - the arguments are spelled as boto3 spells them
from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from async_endpoint import ClientConfig, Completed, EndpointInfo, Invocation, Request, Submitted
from async_endpoint.aws import AwsSession
from async_endpoint.client import endpoint as client_endpoint
from async_endpoint.client.clock import Clock
from async_endpoint.client.collector import Collector
from async_endpoint.client.reply_queue import sending_policy
from async_endpoint.client.retries import Retries
from async_endpoint.client.sender import Sender
from async_endpoint.core.outputs import AsyncEndpointOutputs

BUCKET = "shop-123456789012"
QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/shop-results"


def client_error(code: str, message: str = "", status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Operation"
    )


@dataclass
class FakeTime:
    """`at(seconds, do)` happens once that long has been slept."""

    seconds: float = 1_700_000_000.0
    naps: list[float] = field(default_factory=list)
    events: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def now(self) -> float:
        return self.seconds

    def at(self, seconds: float, do: Callable[[], None]) -> None:
        self.events.append((self.seconds + seconds, do))

    def wait(self, changed: threading.Condition, so: Callable[[], object], seconds: float) -> None:
        """Advance the fake time; other waiting threads wait for the events due then."""
        if seconds > 0 and not so():
            self.sleep(seconds)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0, "a sleep of nothing is a busy loop"
        self.naps.append(seconds)
        self.seconds += seconds
        due = [event for event in self.events if event[0] <= self.seconds]
        self.events = [event for event in self.events if event[0] > self.seconds]
        for _, do in sorted(due, key=lambda event: event[0]):
            do()


@dataclass
class FakeS3:
    """`denied` holds actions, or (action, key); `names_action` is whether a 403 names the missing action, as S3 does today."""

    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    denied: set[Any] = field(default_factory=set)
    names_action: bool = False
    failures: list[Exception] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    now: Callable[[], float] = lambda: 0.0
    written: dict[str, datetime] = field(default_factory=dict)

    def put(self, uri: str, body: bytes, content_type: str = "application/json") -> None:
        self._write(uri.removeprefix(f"s3://{BUCKET}/"), body, content_type)

    def put_object(
        self, Bucket: str, Key: str, Body: bytes, ContentType: str, IfMatch: str = "", IfNoneMatch: str = ""
    ) -> dict[str, str]:
        self._begin("put", Key)
        self._check("s3:PutObject", Key)
        if (IfNoneMatch and Key in self.objects) or (IfMatch and IfMatch != self.etag(Key)):
            raise client_error("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412)
        self._write(Key, Body, ContentType)
        return {"ETag": self.etag(Key)}

    def delete_object(self, Bucket: str, Key: str) -> None:
        self._begin("delete", Key)
        self.objects.pop(Key, None)

    def etag(self, key: str) -> str:
        body = self.objects.get(key, (b"", ""))[0]
        return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"' if key in self.objects else ""

    def get_object(self, Bucket: str, Key: str, Range: str = "", IfMatch: str = "") -> dict[str, Any]:
        self._begin("get", Key)
        self._check("s3:GetObject", Key)
        if Key not in self.objects:
            self._check("s3:ListBucket", Key)
            raise client_error("NoSuchKey", "The specified key does not exist.", 404)
        if IfMatch and IfMatch != self.etag(Key):
            raise client_error("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412)
        body, content_type = self.objects[Key]
        first, _, last = Range.removeprefix("bytes=").partition("-")
        body = body[int(first) : int(last) + 1] if Range else body
        return {
            "Body": io.BytesIO(body),
            "ContentLength": len(body),
            "ContentType": content_type,
            "LastModified": self.written[Key],
            "ETag": self.etag(Key),
            "ResponseMetadata": {"HTTPHeaders": {"date": formatdate(self.now(), usegmt=True)}},
        }

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        self._begin("head", Key)
        self._check("s3:GetObject", Key)
        if Key not in self.objects:
            self._check("s3:ListBucket", Key)
            raise client_error("404", "Not Found", 404)
        body, content_type = self.objects[Key]
        return {
            "ContentLength": len(body),
            "ContentType": content_type,
            "LastModified": self.written[Key],
            "ETag": self.etag(Key),
        }

    def list_objects_v2(
        self,
        Bucket: str,
        Prefix: str,
        MaxKeys: int = 1_000,
        StartAfter: str = "",
        ContinuationToken: str = "",
        Delimiter: str = "",
    ) -> dict[str, Any]:
        self._begin("list", Prefix)
        self._check("s3:ListBucket", Prefix)
        after = max(StartAfter, ContinuationToken)
        if Delimiter:
            rests = sorted({key.removeprefix(Prefix) for key in self.objects if key.startswith(Prefix)})
            folders = dict.fromkeys(rest.partition(Delimiter)[0] + Delimiter for rest in rests if Delimiter in rest)
            return {"CommonPrefixes": [{"Prefix": Prefix + folder} for folder in folders]}
        keys = sorted(key for key in self.objects if key.startswith(Prefix) and key > after)
        page: dict[str, Any] = {"Contents": [self._entry(key) for key in keys[:MaxKeys]]}
        return page | ({"IsTruncated": True, "NextContinuationToken": keys[MaxKeys - 1]} if len(keys) > MaxKeys else {})

    def _entry(self, key: str) -> dict[str, Any]:
        return {
            "Key": key,
            "LastModified": self.written[key],
            "ETag": self.etag(key),
            "Size": len(self.objects[key][0]),
        }

    def _write(self, key: str, body: bytes, content_type: str) -> None:
        self.objects[key], self.written[key] = (body, content_type), datetime.fromtimestamp(self.now(), UTC)

    def _begin(self, call: str, key: str) -> None:
        self.calls.append((call, key))
        if self.failures:
            raise self.failures.pop(0)

    def _check(self, action: str, key: str) -> None:
        if action in self.denied or (action, key) in self.denied:
            said = (
                f"User: arn:aws:iam::1:user/ann is not authorized to perform: {action} on resource: x"
                if self.names_action
                else "Access Denied"
            )
            raise client_error("AccessDenied", said, 403)


@dataclass
class FakeRuntime:
    """Accepts everything; `then` receives each request, `error` is raised instead."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    error: Exception | None = None
    failure_path: bool = True
    output_path: bool = True
    then: Callable[[dict[str, Any], dict[str, Any]], None] = lambda request, reply: None

    def invoke_endpoint_async(self, **request: Any) -> dict[str, Any]:
        if self.error:
            raise self.error
        self.calls.append(request)
        reply = {"InferenceId": request["InferenceId"]}
        if self.output_path:
            reply["OutputLocation"] = f"s3://{BUCKET}/output/{len(self.calls)}.out"
        if self.failure_path:
            reply["FailureLocation"] = f"s3://{BUCKET}/failure/{len(self.calls)}-error.out"
        self.then(request, reply)
        return reply


@dataclass
class FakeSageMaker:
    status: str | None = "InService"
    reason: str = ""
    error: Exception | None = None

    def describe_endpoint(self, EndpointName: str) -> dict[str, str]:
        if self.error:
            raise self.error
        if self.status is None:
            raise client_error("ValidationException", f'Could not find endpoint "{EndpointName}".')
        return {"EndpointStatus": self.status} | ({"FailureReason": self.reason} if self.reason else {})


@dataclass
class Message:
    body: str
    number: int
    visible_at: float = 0.0
    receipts: int = 0


@dataclass
class FakeSqs:
    """One queue; always hands out the oldest visible messages first, the worst case for a reader among others.

    `attributes` are those of the queue that a client leases, None where there is none.
    """

    time: FakeTime
    messages: list[Message] = field(default_factory=list)
    error: Exception | None = None
    receives: int = 0
    grants: bool = False
    made: list[dict[str, Any]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    purged: list[str] = field(default_factory=list)
    attributes: dict[str, str] | None = None
    meta: Any = field(default_factory=lambda: SimpleNamespace(endpoint_url=QUEUE_URL.rpartition("/1234")[0]))

    def send(self, document: Any) -> None:
        body = document if isinstance(document, str) else json.dumps(document)
        self.messages.append(Message(body, self.receives * 1000 + len(self.messages)))

    def create_queue(self, **wanted: Any) -> dict[str, Any]:
        if not self.grants:
            raise client_error("AccessDenied", "no queue of one's own", 403)
        self.made.append(wanted)
        created = {"CreatedTimestamp": str(int(self.time.now())), "ApproximateNumberOfMessages": "0"}
        self.attributes = wanted["Attributes"] | created
        return {"QueueUrl": f"{QUEUE_URL.rpartition('/')[0]}/{wanted['QueueName']}"}

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        if self.attributes is None:
            raise client_error("AWS.SimpleQueueService.NonExistentQueue", "not there")
        return {"Attributes": self.attributes}

    def purge_queue(self, QueueUrl: str) -> None:
        self.purged.append(QueueUrl)
        self.messages.clear()

    def delete_queue(self, QueueUrl: str) -> None:
        self.deleted.append(QueueUrl)

    def delete_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> None:
        for entry in Entries:
            self.delete_message(QueueUrl, entry["ReceiptHandle"])

    def list_queues(self, **wanted: Any) -> dict[str, Any]:
        return {}

    def receive_message(
        self,
        QueueUrl: str,
        MaxNumberOfMessages: int,
        WaitTimeSeconds: int,
        VisibilityTimeout: int = 43_200,
    ) -> dict[str, Any]:
        self.receives += 1
        if self.error:
            raise self.error
        for _ in range(4 * WaitTimeSeconds):
            if self._visible():
                break
            self.time.sleep(0.25)
        batch = self._visible()[:MaxNumberOfMessages]
        for message in batch:
            message.visible_at = self.time.now() + VisibilityTimeout
            message.receipts += 1
        entries = [{"MessageId": str(m.number), "ReceiptHandle": f"{m.number}/{m.receipts}", "Body": m.body} for m in batch]
        return {"Messages": entries} if entries else {}

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:
        self.messages.remove(self._held(ReceiptHandle))

    def change_message_visibility_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        assert 1 <= len(Entries) <= 10
        assert len({entry["Id"] for entry in Entries}) == len(Entries)
        for entry in Entries:
            self._held(entry["ReceiptHandle"]).visible_at = self.time.now() + entry["VisibilityTimeout"]
        return {}

    def _visible(self) -> list[Message]:
        return [message for message in self.messages if message.visible_at <= self.time.now()]

    def _held(self, handle: str) -> Message:
        return next(m for m in self.messages if handle == f"{m.number}/{m.receipts}")


class AtOnce(Executor):
    """Does what it is given at once, in the caller's thread."""

    def submit(self, do: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(do(*arguments, **options))
        return future


@dataclass
class FakeSns:
    subscribed: list[dict[str, Any]] = field(default_factory=list)
    unsubscribed: list[str] = field(default_factory=list)
    error: Exception | None = None

    def subscribe(self, **wanted: Any) -> dict[str, str]:
        if self.error and self.subscribed:  # the second one
            raise self.error
        self.subscribed.append(wanted)
        return {"SubscriptionArn": f"{wanted['TopicArn']}:{len(self.subscribed)}"}

    def unsubscribe(self, SubscriptionArn: str) -> None:
        self.unsubscribed.append(SubscriptionArn)

    def get_paginator(self, operation: str) -> Any:
        """The subscriptions of a topic, in one page."""
        assert operation == "list_subscriptions_by_topic"
        return SimpleNamespace(paginate=lambda TopicArn: [{"Subscriptions": self._of(TopicArn)}])

    def _of(self, topic: str) -> list[dict[str, str]]:
        return [
            {"SubscriptionArn": f"{topic}:{number}", "Endpoint": wanted["Endpoint"]}
            for number, wanted in enumerate(self.subscribed, start=1)
            if wanted["TopicArn"] == topic
        ]


class FakeScaling:
    """One scalable target: `state` is its SuspendedState, `tags` are its tags; `refused` is raised instead."""

    def __init__(self) -> None:
        self.state: dict[str, bool] = {}
        self.tags: dict[str, str] = {}
        self.refused: Exception | None = None

    def describe_scalable_targets(self, ServiceNamespace: str, ResourceIds: list[str]) -> dict[str, Any]:
        if self.refused:
            raise self.refused
        target = {"ResourceId": ResourceIds[0], "ScalableDimension": "instances", "ScalableTargetARN": "arn:target"}
        return {"ScalableTargets": [target | {"SuspendedState": self.state}]}

    def list_tags_for_resource(self, ResourceARN: str) -> dict[str, Any]:
        assert ResourceARN == "arn:target"
        return {"Tags": self.tags}


@dataclass
class FakeAws:
    time: FakeTime
    s3: FakeS3
    runtime: FakeRuntime
    sagemaker: FakeSageMaker
    sqs: FakeSqs
    outputs: AsyncEndpointOutputs
    explanations: list[str] = field(default_factory=list)
    sns: FakeSns = field(default_factory=FakeSns)
    scaling: FakeScaling = field(default_factory=FakeScaling)

    @property
    def session(self) -> AwsSession:
        services: dict[str, Any] = {
            "s3": self.s3,
            "sagemaker-runtime": self.runtime,
            "sagemaker": self.sagemaker,
            "sqs": self.sqs,
            "sns": self.sns,
            "application-autoscaling": self.scaling,
        }
        return AwsSession(services.__getitem__, "eu-west-1")

    @property
    def clock(self) -> Clock:
        return Clock(now=self.time.now, sleep=self.time.sleep, wait=self.time.wait)

    def submit(self, payload: Any, key: str = "one", session: AwsSession | None = None, **fields: Any) -> Submitted:
        """One request of the run `run`, sent in this thread."""
        target = EndpointInfo.from_outputs(self.outputs)
        sender = Sender(session or self.session, target, "run", ClientConfig(), self.clock, self.pause)
        return sender.send(Request(payload=payload, **fields), Invocation(f"run-{key}", key))

    def collector(self, *, pool: Executor | None = None, **config: Any) -> Collector:
        """A collector that does a round when asked, and reads at once, or in `pool`."""
        retries = Retries(3, 0.1, 5.0, self.pause)
        target, settings = EndpointInfo.from_outputs(self.outputs), ClientConfig(**config)
        return Collector(self.session, target, settings, self.clock, retries, pool or AtOnce(), self.explanations.append)

    def released_queue(self, age: float = 3_600.0, *, held_for: float | None = None) -> str:
        """A reply queue that another run has used, `age` seconds old; its lease is held since `held_for` seconds if given.

        Returns its id.
        """
        name = "shop-reply-0000000001"
        info = EndpointInfo.from_outputs(self.outputs)
        policy = sending_policy(f"arn:aws:sqs:eu-west-1:123456789012:{name}", info.topics)
        created = str(int(self.time.now() - age))
        self.sqs.attributes = {"Policy": policy, "CreatedTimestamp": created, "ApproximateNumberOfMessages": "0"}
        self.s3.put(f"{info.input_uri}_queues/{name}", b"-" if held_for is None else b"another client")
        self.s3.written[f"input/_queues/{name}"] = datetime.fromtimestamp(self.time.now() - (held_for or age), UTC)
        return name[-10:]

    def collect(self, submitted: Submitted, **config: Any) -> Completed:
        """The result of one request, looked for until it has an outcome; raises what its invocation does."""
        collector = self.collector(**{"collect": "head"} | config)
        invocation = Invocation(submitted.inference_id, "one", submitted=submitted)
        collector.open()
        collector.watch(invocation)
        collector.accepted(invocation)
        self.until(invocation.done, collector)
        return invocation.result(0)

    def until(self, so: Callable[[], bool], collector: Collector) -> None:
        """Run rounds until the condition holds."""
        while not so():
            pause = collector.step()
            if pause > 0 and not so():
                self.time.sleep(pause)

    def pause(self, seconds: float) -> bool:
        if seconds > 0:
            self.time.sleep(seconds)
        return False

    def announce(
        self,
        request: dict[str, Any],
        reply: dict[str, Any],
        *,
        reason: str | None = None,
        body: str | None = None,
        envelope: bool = True,
    ) -> None:
        """Publish a terminal state as the developer guide shows it, in the envelope SNS puts around it for SQS."""
        message: dict[str, Any] = {
            "invocationStatus": "Failed" if reason else "Completed",
            "inferenceId": request["InferenceId"],
            "requestParameters": {"endpointName": request["EndpointName"], "inputLocation": request.get("InputLocation")},
        }
        if reason:
            message |= {"failureReason": reason, "failureLocation": reply["FailureLocation"]}
        else:
            message["responseParameters"] = {"contentType": "application/json", "outputLocation": reply["OutputLocation"]}
        if body is not None:
            message["responseBody"] = {"content": body, "contentType": "application/json"}
        self.sqs.send({"Type": "Notification", "Message": json.dumps(message)} if envelope else message)


@pytest.fixture
def outputs() -> AsyncEndpointOutputs:
    return AsyncEndpointOutputs.parse(
        {
            "schema_version": 1,
            "environment": "dev",
            "region": "eu-west-1",
            "account_id": "123456789012",
            "endpoint": {
                "name": "shop",
                "arn": "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/shop",
                "config_name": "shop-1",
                "model_name": "shop-1",
                "variant_name": "primary",
                "instance_type": "ml.m5.large",
                "max_concurrent_invocations_per_instance": 4,
                "execution_role_arn": "arn:aws:iam::123456789012:role/shop",
            },
            "storage": {
                "bucket": BUCKET,
                "input_uri": f"s3://{BUCKET}/input/",
                "output_uri": f"s3://{BUCKET}/output/",
                "failure_uri": f"s3://{BUCKET}/failure/",
                "kms_key_arn": None,
            },
            "notifications": {
                "success_topic_arn": "arn:aws:sns:eu-west-1:123456789012:shop-success",
                "error_topic_arn": "arn:aws:sns:eu-west-1:123456789012:shop-error",
                "results_queue_url": QUEUE_URL,
                "results_queue_arn": "arn:aws:sqs:eu-west-1:123456789012:shop-results",
                "dead_letter_queue_url": f"{QUEUE_URL}-dead",
                "publishers_restricted": True,
            },
            "scaling": {
                "resource_id": "endpoint/shop/variant/primary",
                "min_instances": 0,
                "max_instances": 2,
                "target_backlog_per_instance": 5,
                "tracking_policy_name": "shop-backlog",
                "wake_policy_name": "shop-wake",
                "wake_alarm_name": "shop-wake",
                "schedules": [],
            },
            "monitoring": {"alarm_names": [], "dashboard_name": None},
            "limits": {"request_ttl_seconds": 3600, "invocation_timeout_seconds": 60, "cold_start_seconds": 300},
        }
    )


@pytest.fixture
def aws(outputs: AsyncEndpointOutputs) -> FakeAws:
    time = FakeTime()
    return FakeAws(time, FakeS3(now=time.now), FakeRuntime(), FakeSageMaker(), FakeSqs(time), outputs)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads of the client are replaced by the caller's: fake time must not run ahead of them."""
    monkeypatch.setattr(client_endpoint, "ThreadPoolExecutor", lambda *_: AtOnce())


@pytest.fixture
def refusal() -> Callable[..., ClientError]:
    """Makes the error a service answers with: refusal(code, message, HTTP status)."""
    return client_error
