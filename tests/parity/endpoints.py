"""An endpoint of a run: its requests, outcomes, notifications, metrics and scaling."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from parity.errors import NotObserved
from parity.kinds import DIMENSION

if TYPE_CHECKING:
    from parity.account import Account

CREATION_SECONDS = 1800  # an endpoint is usually InService after 4 to 8 minutes


@dataclass(frozen=True)
class Invoked:
    """An accepted request: its id and the two locations of the response, None where AWS gave none."""

    inference_id: str
    output: str
    failure: str | None


@dataclass(frozen=True)
class Outcome:
    """The object that ended a request: `kind` is output or failure."""

    kind: str
    body: bytes
    location: str

    @property
    def document(self) -> Any:
        """The JSON of its body."""
        return json.loads(self.body)


@dataclass
class Endpoint:
    """`topics` is its NotificationConfig, `queues` the URL of the queue of each topic by `success` and `error`."""

    aws: Account = field(repr=False)
    name: str
    config: str = ""
    topics: dict[str, Any] = field(default_factory=dict)
    queues: dict[str, str] = field(default_factory=dict)
    _messages: list[dict[str, Any]] = field(default_factory=list, repr=False)

    @property
    def resource_id(self) -> str:
        return f"endpoint/{self.name}/variant/primary"

    # --- state -------------------------------------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.aws.sagemaker.describe_endpoint(EndpointName=self.name)
        return answer

    def status(self) -> str:
        """Its EndpointStatus, or `absent` when AWS says that it does not exist."""
        try:
            return str(self.describe()["EndpointStatus"])
        except ClientError as error:
            if "Could not find endpoint " in str(error):
                return "absent"
            raise

    def until_status(self, *wanted: str, seconds: float = CREATION_SECONDS) -> dict[str, Any]:
        """Its description, once it has one of these states. Raises NotObserved when it fails or takes longer."""

        def look() -> dict[str, Any] | None:
            seen = self.describe()
            return seen if seen["EndpointStatus"] in (*wanted, "Failed") else None

        seen = self.aws.until(look, f"endpoint {self.name} is {' or '.join(wanted)}", seconds)
        if seen["EndpointStatus"] not in wanted:
            raise NotObserved(f"endpoint {self.name} is {seen['EndpointStatus']}: {seen.get('FailureReason')}")
        return seen

    def instances(self) -> int:
        """CurrentInstanceCount of its variant."""
        return int(self.describe()["ProductionVariants"][0].get("CurrentInstanceCount", 0))

    def scale(self, count: int) -> None:
        """Set the desired count and wait until it is reached."""
        wanted = [{"VariantName": "primary", "DesiredInstanceCount": count}]
        self.aws.sagemaker.update_endpoint_weights_and_capacities(EndpointName=self.name, DesiredWeightsAndCapacities=wanted)
        self.aws.until(
            lambda: self.instances() == count and self.status() == "InService", f"{self.name} has {count} instances", 1800
        )

    def update(self, config: str, **more: Any) -> None:
        """Request an update to this configuration; `until_status` waits for its end."""
        self.aws.sagemaker.update_endpoint(EndpointName=self.name, EndpointConfigName=config, **more)

    def register(self, minimum: int = 0, maximum: int = 1) -> None:
        """Register its scalable target."""
        self.aws.scaling.register_scalable_target(
            ServiceNamespace="sagemaker",
            ResourceId=self.resource_id,
            ScalableDimension=DIMENSION,
            MinCapacity=minimum,
            MaxCapacity=maximum,
        )

    # --- requests ----------------------------------------------------------------------------------------------------

    def invoke(self, orders: dict[str, Any] | None = None, **params: Any) -> Invoked:
        """Send orders for the echo model inline, or whatever `params` say."""
        if orders is not None:
            params = {"Body": json.dumps(orders).encode(), "ContentType": "application/json"} | params
        answer = self.aws.runtime.invoke_endpoint_async(EndpointName=self.name, **params)
        return Invoked(answer["InferenceId"], answer["OutputLocation"], answer.get("FailureLocation"))

    def seen(self, invoked: Invoked) -> Outcome | None:
        """The outcome of a request as S3 has it now."""
        for kind, location in (("output", invoked.output), ("failure", invoked.failure)):
            body = self.aws_object(location) if location else None
            if location and body is not None:
                return Outcome(kind, body, location)
        return None

    def outcome(self, invoked: Invoked, seconds: float = 1200) -> Outcome:
        """The outcome of a request. Raises NotObserved when there is none by then."""
        return self.aws.until(lambda: self.seen(invoked), f"an outcome of {invoked.inference_id}", seconds)

    def aws_object(self, location: str) -> bytes | None:
        """The object at an S3 URI, or None."""
        parts = urlsplit(location)
        try:
            body: bytes = self.aws.s3.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
        return body

    # --- notifications -----------------------------------------------------------------------------------------------

    def add_topics(self) -> None:
        """Create both topics, each with a queue subscribed; before the endpoint is created."""
        for word in ("success", "error"):
            topic = self.aws.sns.create_topic(Name=self.aws.name(word))["TopicArn"]
            url = self.aws.sqs.create_queue(QueueName=self.aws.name(word))["QueueUrl"]
            arn = self.aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            statement = {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
            }
            policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            self.aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
            self.aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
            self.topics[f"{word.title()}Topic"], self.queues[word] = topic, url

    def envelopes(self) -> list[dict[str, Any]]:
        """Every SNS envelope that its queues have received so far, oldest first; `queue` names the topic it came by."""
        with self.aws.lock(f"messages of {self.name}"):
            for word, url in self.queues.items():
                for message in self.aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **self.aws.long_poll).get(
                    "Messages", ()
                ):
                    self._messages.append(json.loads(message["Body"]) | {"queue": word})
                    self.aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return list(self._messages)

    def notification(self, invoked: Invoked, seconds: float = 600) -> dict[str, Any] | None:
        """The parsed notification about a request, with `queue`, or None when none arrives by then."""
        return self.aws.within(lambda: self.announced(invoked), seconds)

    def announced(self, invoked: Invoked) -> dict[str, Any] | None:
        """The parsed notification about a request, with `queue`, or None when none has arrived yet."""
        for envelope in self.envelopes():
            message: dict[str, Any] = json.loads(envelope["Message"])
            if message.get("inferenceId") == invoked.inference_id:
                return message | {"queue": envelope["queue"]}
        return None

    # --- metrics -----------------------------------------------------------------------------------------------------

    def metric(self, name: str, statistic: str = "Sum", **dimensions: str) -> list[float]:
        """The one-minute datapoints of an `AWS/SageMaker` metric in the last three hours, oldest first."""
        now = self.aws.now()
        found = self.aws.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in ({"EndpointName": self.name} | dimensions).items()],
            StartTime=now - 3 * 3600,
            EndTime=now + 60,
            Period=60,
            Statistics=[statistic],
        )
        return [point[statistic] for point in sorted(found["Datapoints"], key=lambda point: point["Timestamp"])]
