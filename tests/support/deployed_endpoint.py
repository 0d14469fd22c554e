"""The role, the queue and the endpoint of a test, with what can be asked of each."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from async_endpoint.core.notifications import Notification, parse_notification
from support.common import until

if TYPE_CHECKING:
    from support.in_process_aws import AwsHarness

# By purpose, so that a test can take one away. {bucket} is replaced by the bucket's ARN.
ALLOWED: dict[str, tuple[list[str], str]] = {
    "read": (["s3:GetObject"], "{bucket}/*"),
    "write": (["s3:PutObject"], "{bucket}/*"),
    "list": (["s3:ListBucket"], "{bucket}"),
    "announce": (["sns:Publish"], "*"),
    "pull": (["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "*"),
    "log in": (["ecr:GetAuthorizationToken"], "*"),
    "log": (["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], "*"),
}


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


@dataclass
class Role:
    local_aws: AwsHarness = field(repr=False)
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
        self.local_aws.iam.put_role_policy(RoleName=self.name, PolicyName="execution", PolicyDocument=json.dumps(document))

    def delete(self) -> None:
        """Delete the role with its policies."""
        for policy in self.local_aws.iam.list_role_policies(RoleName=self.name)["PolicyNames"]:
            self.local_aws.iam.delete_role_policy(RoleName=self.name, PolicyName=policy)
        self.local_aws.iam.delete_role(RoleName=self.name)

    def create(self, *buckets: str) -> None:
        """Make the role that was deleted again, with what an execution role needs on one bucket."""
        self.local_aws.create_role(self.name)
        for bucket in buckets:
            self.allow(bucket)


@dataclass
class Queue:
    local_aws: AwsHarness = field(repr=False)
    url: str
    arn: str
    kept: list[str] = field(default_factory=list, repr=False)

    def allow(self, principal: Any, **statement: Any) -> None:
        allowed = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": self.arn, "Principal": principal, **statement}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        self.local_aws.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})

    def take(self) -> list[str]:
        """The bodies of up to ten messages, which are then gone from the queue."""
        found = self.local_aws.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            self.local_aws.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
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
    local_aws: AwsHarness = field(repr=False)
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
        answer: dict[str, Any] = self.local_aws.sagemaker.describe_endpoint(EndpointName=self.name)
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
        return next(item for item in self.local_aws.aws.status()["endpoints"] if item["name"] == self.name)

    def serving(self, count: int = 1) -> list[dict[str, Any]]:
        """The instances, once exactly `count` serve and no other is there."""

        def look() -> list[dict[str, Any]] | None:
            instances: list[dict[str, Any]] = self.status()["instances"]
            return instances if [item["state"] for item in instances] == ["InService"] * count else None

        return until(lambda: look() is not None, f"{count} instances serve") and self.status()["instances"]

    def scale(self, count: int) -> None:
        wanted = [{"VariantName": "primary", "DesiredInstanceCount": count}]
        self.local_aws.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=self.name, DesiredWeightsAndCapacities=wanted
        )

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
        answer = self.local_aws.runtime.invoke_endpoint_async(EndpointName=self.name, **arguments)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
        return Invoked(answer["InferenceId"], answer["OutputLocation"], answer["FailureLocation"])

    def seen(self, invoked: Invoked) -> Outcome | None:
        """The outcome as it is now; fails the test when there are two."""
        found = {kind: self.local_aws.read(uri) for kind, uri in (("output", invoked.output), ("failure", invoked.failure))}
        ended = [Outcome(kind, item.body, item.content_type) for kind, item in found.items() if item is not None]
        assert len(ended) < 2, f"two outcomes of one request: {ended}"
        return ended[0] if ended else None

    def outcome(self, invoked: Invoked, seconds: float = 60.0) -> Outcome:
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
            events = self.local_aws.logs.filter_log_events(logGroupName=group)["events"]
        except self.local_aws.logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in events]

    def metric(self, name: str, statistic: str = "Sum", variant: bool = True) -> list[float]:
        """The datapoints of a metric over this local AWS's whole life, oldest first."""
        dimensions = [{"Name": "EndpointName", "Value": self.name}]
        dimensions += [{"Name": "VariantName", "Value": "primary"}] if variant else []
        now = self.local_aws.aws.clock.now()
        found = self.local_aws.cloudwatch.get_metric_statistics(
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
        """Delete this endpoint as soon as SageMaker takes that, and wait until its name is free."""
        self.until_status("InService", "Failed", "UpdateRollbackFailed")
        self.local_aws.sagemaker.delete_endpoint(EndpointName=self.name)
        until(lambda: not self.local_aws.endpoints(self.name), f"endpoint {self.name} is gone")
