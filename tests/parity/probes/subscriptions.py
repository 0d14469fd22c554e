"""Probes of filter policies, queues and conditional writes, which reply queues and their leases rely on."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from parity.account import Account
from parity.probe import Cost, Observation, check, compare, probe, refused

FILTER_SECONDS = 900  # "up to 15 minutes" (SNS developer guide, "Subscription filter policies")


class Filtered(NamedTuple):
    """A topic, and a queue that is subscribed with a filter of inference ids."""

    aws: Account
    topic: str
    url: str
    arn: str

    @classmethod
    def create(cls, aws: Account) -> Filtered:
        topic = aws.sns.create_topic(Name=aws.name("filtered"))["TopicArn"]
        url = aws.sqs.create_queue(QueueName=aws.name("filtered"))["QueueUrl"]
        arn = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy_of(arn, topic)})
        return cls(aws, topic, url, arn)

    def subscribe(self, prefix: str) -> str:
        """Subscribe with a filter of this prefix; returns the subscription's ARN."""
        arn: str = self.aws.sns.subscribe(
            TopicArn=self.topic,
            Protocol="sqs",
            Endpoint=self.arn,
            Attributes={"FilterPolicyScope": "MessageBody", "FilterPolicy": filter_of(prefix), "RawMessageDelivery": "true"},
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        return arn

    def publish(self, *identifiers: str) -> None:
        for identifier in identifiers:
            self.aws.sns.publish(TopicArn=self.topic, Message=json.dumps({"inferenceId": identifier}))

    def received(self) -> set[str]:
        """The inference ids of the messages that have arrived since the last call."""
        found: set[str] = set()
        while messages := self.aws.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, **self.aws.long_poll).get(
            "Messages", ()
        ):
            for message in messages:
                found.add(json.loads(message["Body"])["inferenceId"])
                self.aws.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return found


def filter_of(prefix: str) -> str:
    return json.dumps({"inferenceId": [{"prefix": prefix}]})


def policy_of(queue: str, topic: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@probe(
    "A105",
    seconds=2400,
    cost=Cost(requests=1000),
    deviation="a subscription receives every message until its filter policy is in effect",
)
def delay_of_filter_policies(aws: Account) -> Iterator[Observation]:
    """A new filter delivers nothing until it is in effect; a changed one acts as before until then; within 15 minutes each."""
    used = Filtered.create(aws)
    subscription = used.subscribe("first-")
    foreign, matching = run_until(used, "other-", "first-")
    observed = ("in effect within 15 minutes" if matching else "not in effect", len(foreign))
    yield compare("A105", expected=("in effect within 15 minutes", 0), observed=observed)
    aws.sns.set_subscription_attributes(
        SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue=filter_of("second-")
    )
    former, changed = run_until(used, "first-", "second-")
    first = min(changed, default=-1)
    # The policy may take effect between the two messages of a pair.
    holds = first >= 0 and sorted(former) in (list(range(first)), list(range(first + 1)))
    yield check("A105", holds, expected=f"all before {first} by the former filter", observed=sorted(former))


def run_until(used: Filtered, one: str, other: str) -> tuple[set[int], set[int]]:
    """Publish a numbered pair of messages every ten seconds until one of `other` arrives: the numbers received of each.

    The last pair is published after the delay, however long the one before took: otherwise a slow machine looks like a delay.
    """
    arrived: set[str] = set()
    end, number = used.aws.now() + FILTER_SECONDS + 60, 0
    while True:
        published_at = used.aws.now()
        used.publish(f"{one}{number}", f"{other}{number}")
        used.aws.elapse(10)
        arrived |= used.received()
        if published_at > end or any(identifier.startswith(other) for identifier in arrived):
            break
        number += 1
    used.aws.elapse(60)
    arrived |= used.received()
    return tuple({int(item.removeprefix(word)) for item in arrived if item.startswith(word)} for word in (one, other))


@probe(
    "A107",
    seconds=120,
    cost=Cost(requests=60),
    deviation="two conditional writes of one key at the same time succeed",
)
def conditional_writes(aws: Account) -> Iterator[Observation]:
    """Of conditional writes of one key at the same time one succeeds, and the others end with 412, 409 or 404."""
    key, etag = aws.name("lease"), ""
    for condition in ("IfNoneMatch", "IfMatch"):

        def put(number: int, condition: str = condition, value: str = etag or "*") -> int:
            body = f"{condition} {number}".encode()  # of its own: equal bodies have equal ETags
            try:
                answer = aws.s3.put_object(Bucket=aws.bucket, Key=key, Body=body, **{condition: value})
            except ClientError as error:
                return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
            return int(answer["ResponseMetadata"]["HTTPStatusCode"])

        with ThreadPoolExecutor(8) as pool:
            answers = sorted(pool.map(put, range(8)))
        holds = answers.count(200) == 1 and set(answers) <= {200, 404, 409, 412}
        yield check("A107", holds, expected=f"{condition}: 200 once, else 412, 409 or 404", observed=answers)
        etag = aws.s3.head_object(Bucket=aws.bucket, Key=key)["ETag"]


@probe(
    "A108",
    seconds=120,
    cost=Cost(requests=20),
    deviation="GetQueueAttributes returns the policy with its fields in lower case",
)
def subscribing_again(aws: Account) -> Iterator[Observation]:
    """Subscribing again with the same attributes returns the same subscription; a queue's policy is returned as given."""
    used = Filtered.create(aws)
    arns = [used.subscribe("same-") for _ in range(2)]
    yield compare("A108", expected=arns[:1] * 2, observed=arns)
    document = aws.sqs.get_queue_attributes(QueueUrl=used.url, AttributeNames=["Policy"])["Attributes"]["Policy"]
    yield compare("A108", expected=json.loads(policy_of(used.arn, used.topic)), observed=json.loads(document))


@probe(
    "A109",
    seconds=120,
    cost=Cost(requests=20),
    deviation="a call whose client has gone takes messages for a minute",
)
def receiver_that_has_gone(aws: Account) -> Iterator[Observation]:
    """A receiving call whose client has gone takes no message later than its wait and five seconds."""
    url = aws.sqs.create_queue(QueueName=aws.name("left"))["QueueUrl"]
    impatient = Config(read_timeout=1, retries={"total_max_attempts": 1})
    client: Any = aws.session.client("sqs", endpoint_url=aws.endpoint_url, config=impatient)
    with contextlib.suppress(BotoCoreError):
        client.receive_message(QueueUrl=url, WaitTimeSeconds=3)
    aws.pause(3 + 5)
    aws.sqs.send_message(QueueUrl=url, MessageBody="after the client has gone")
    received = aws.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages", ())
    yield compare("A109", expected=["after the client has gone"], observed=[message["Body"] for message in received])


@probe(
    "A281",
    "A282",
    cost=Cost(requests=10),
    deviation="a subscription may have a dead-letter queue that does not exist",
)
def dead_letter_queues(aws: Account) -> Iterator[Observation]:
    """A subscription is refused a dead-letter queue that does not exist, and a queue itself as its own."""
    used = Filtered.create(aws)
    missing, own = {"deadLetterTargetArn": f"{used.arn}-none"}, {"deadLetterTargetArn": used.arn, "maxReceiveCount": 3}
    subscription = {"TopicArn": used.topic, "Protocol": "sqs", "Endpoint": used.arn}
    answer = aws.attempt(aws.sns.subscribe, **subscription, Attributes={"RedrivePolicy": json.dumps(missing)})
    yield refused("A281", "InvalidParameter", answer)
    answer = aws.attempt(aws.sqs.set_queue_attributes, QueueUrl=used.url, Attributes={"RedrivePolicy": json.dumps(own)})
    yield refused("A282", "InvalidParameterValue", answer)
