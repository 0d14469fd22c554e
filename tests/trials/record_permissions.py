"""Record the permissions that every documented command needs: `python tests/trials/record_permissions.py [COMMAND ...]`.

Deploys tests/trials/every_permission.tf on a local AWS that enforces IAM, and writes tests/iam/recorded/<command>.json; some
ten minutes. Each command runs as a role with the policies that must allow it, so one that is denied ends the recording.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.applied_roots import CHECKOUT, REGION, Checkout, shell_environment
from support.module_copies import LEFT_OUT
from support.recorded_access import Needed, recording

ENVIRONMENT = "dev"
FIRST = "first-apply"  # all others need it
ROOT = Path(__file__).with_name("every_permission.tf")
RECORDED = CHECKOUT / "tests" / "iam" / "recorded"
# What differs from one recording to the next, and its placeholder.
_GENERATED = (
    (re.compile(r":key/[0-9a-f-]{36}"), ":key/own"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "generated"),
    (re.compile(r"scalable-target/[0-9a-z-]{20,}"), "scalable-target/generated"),
    (re.compile(r"-reply-[0-9a-z]{10}"), "-reply-generated"),
    (re.compile(r"\b[a-z2-7]{26}\b|(?<=/)[a-z2-7]{16}(?=[/.])|(?<=/)\d{13}w?(?=\.)"), "generated"),  # of an HTTP API
    (re.compile(r"\b(?=[0-9]*[a-f])[0-9a-f]{12,}\b|\b20\d{12,}\w*|(?<=/r)[0-9a-f]{12}(?=/)"), "generated"),
    (re.compile(r"(?<=:role/)operator-doctor"), "recommender-dev-eu-west-1-planner"),  # whose own role the doctor reads
)


CLIENT = """
import sys
from pathlib import Path
from async_endpoint import AsyncEndpoint, ClientConfig

with AsyncEndpoint.from_name("recommender-dev", "eu-west-1", config=ClientConfig(collect=sys.argv[2])) as endpoint:
    endpoint.submit(Path(sys.argv[1])).result()
"""
# Removes the reply queues that no run uses, as every run does after three days.
SWEEP = """
import time
from async_endpoint import AsyncEndpoint
from async_endpoint.client import reply_queues
from async_endpoint.client.retries import Retries

reply_queues.UNUSED_SECONDS = -1.0
with AsyncEndpoint.from_name("recommender-dev", "eu-west-1") as endpoint:
    retries = Retries(3, 0.1, 1.0, lambda seconds: time.sleep(seconds) or False)
    assert reply_queues.ReplyQueues(endpoint._session, endpoint.info, retries, time.time).sweep()
"""
# What a collector may do, as docs/client.md and modules/notifications describe it: results queue, listing, single keys.
COLLECTOR = """
import boto3

sqs, s3, sagemaker = boto3.client("sqs"), boto3.client("s3"), boto3.client("sagemaker")
bucket = "recommender-dev-123456789012-eu-west-1"
described = sagemaker.describe_endpoint(EndpointName="recommender-dev")
sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
queue = sqs.get_queue_url(QueueName="recommender-dev-results")["QueueUrl"]
sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])
[message] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=60)
sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
found = s3.list_objects_v2(Bucket=bucket, Prefix="output/")["Contents"][0]["Key"]
s3.get_object(Bucket=bucket, Key=found)
try:
    s3.head_object(Bucket=bucket, Key="output/not-there-yet")
except s3.exceptions.ClientError as error:
    assert error.response["Error"]["Code"] == "404", error
"""


# Every operation of an HTTP API but the sweep.
SESSION = Path(__file__).with_name("http_api_session.py").read_text()


class Recorder:
    """Commands on one environment, each with its recording: those that are `wanted`, or all, and what they build on."""

    def __init__(self, checkout: Checkout, wanted: Sequence[str]) -> None:
        self.checkout = checkout
        self._wanted = wanted

    def wants(self, name: str) -> bool:
        return not self._wanted or name in (*self._wanted, FIRST)

    def run(self, name: str, *arguments: str, codes: Sequence[int] = (0,)) -> None:
        self.run_all(name, arguments, codes=codes)

    def run_all(self, name: str, *commands: Sequence[str], codes: Sequence[int] = (0,)) -> None:
        """Run commands as one recording."""
        if not self.wants(name):
            return
        checkout = self.checkout.as_caller_of(name)
        with self.block(name):
            for arguments in commands:
                ended = checkout.run(*arguments, "--local")
                assert ended.code in codes, f"{arguments} ended with {ended.code}:\n{ended.out}{ended.err}"

    def python(self, name: str, program: str, *arguments: str, **variables: str) -> None:
        """A program that uses the client, in a process of its own; `variables` are more of its environment."""
        if not self.wants(name):
            return
        environment = self.checkout.credentials.environment(REGION) | self.checkout.as_caller_of(name).environment
        environment = {**environment, **variables}
        environment.pop("AWS_PROFILE", None)
        with self.block(name):
            subprocess.run(
                [sys.executable, "-c", program, *arguments], cwd=self.checkout.folder, env=environment, check=True, timeout=300
            )

    @contextmanager
    def block(self, name: str) -> Iterator[None]:
        with recording(self.checkout.credentials) as needed:
            yield
        write(name, needed)


def write(name: str, needed: Sequence[Needed]) -> None:
    """Write a recording, without what is generated and in a stable order."""
    found = sorted({_stable(item) for item in needed}, key=lambda item: (item.action, item.resource, item.context))
    lines = [
        json.dumps(
            {"action": item.action, "resource": item.resource, "context": dict(item.context), "operation": item.operation}
        )
        for item in found
    ]
    RECORDED.mkdir(exist_ok=True)
    (RECORDED / f"{name}.json").write_text("[\n" + ",\n".join(f"  {line}" for line in lines) + "\n]\n")
    print(f"{name}: {len(found)} permissions", flush=True)


def _stable(item: Needed) -> Needed:
    return Needed(
        _text(item.action), _text(item.resource), tuple((key, _text(value)) for key, value in item.context), item.operation
    )


def _text(text: str) -> str:
    for pattern, name in _GENERATED:
        text = pattern.sub(name, text)
    return text


def prepare(checkout: Checkout) -> None:
    """What the root uses and does not make: a key for logs, a function and a queue that are subscribed."""
    whole = {"Action": "kms:*", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}
    logs = {
        "Action": ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
        "Principal": {"Service": f"logs.{REGION}.amazonaws.com"},
    }
    statements = [{"Effect": "Allow", "Resource": "*", **statement} for statement in (whole, logs)]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    key = checkout.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    main = checkout.folder / "envs" / ENVIRONMENT / "main.tf"
    main.write_text(ROOT.read_text().replace("LOGS_KEY", key))
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}],
    }
    role = checkout.client("iam").create_role(RoleName="notify", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("notify.py", "def handler(event, context): pass\n")
    checkout.client("lambda").create_function(
        FunctionName="notify", Role=role, Handler="notify.handler", Runtime="python3.12", Code={"ZipFile": packed.getvalue()}
    )
    checkout.client("sqs").create_queue(QueueName="elsewhere")


def change(checkout: Checkout) -> None:
    """Another archive and other settings of everything that an update changes in place."""
    with (checkout.folder / "examples" / "fashion-recommender" / "code" / "inference.py").open("a") as handler:
        handler.write("# changed\n")
    checkout.build_archives()
    main = checkout.folder / "envs" / ENVIRONMENT / "main.tf"
    text = main.read_text()
    for old, new in (
        ("timeout_seconds = 300", "timeout_seconds = 600"),
        ("max_concurrent_invocations = 2", "max_concurrent_invocations = 4"),
        ("max_instances = 2", "max_instances = 3"),
        ("retention_days = 7", "retention_days = 14"),
        ("output = 7", "output = 14"),
        ('["server_errors"]', '["model_latency"]'),
        ("cron(0 7", "cron(0 6"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    main.write_text(text)


def main(wanted: Sequence[str]) -> None:
    """Record every command once, or those that are wanted."""
    with tempfile.TemporaryDirectory(prefix="permissions-") as temporary:
        folder = Path(temporary)
        for name in ("envs", "examples", "modules"):  # copies: what is edited meanwhile would be drift
            shutil.copytree(
                CHECKOUT / name,
                folder / name,
                symlinks=True,
                ignore=LEFT_OUT,
            )
        (folder / "build").mkdir()
        checkout = Checkout(folder, shell_environment(str(folder / "cache")))
        checkout.build_archives()
        checkout.start_local_aws("--enforce-iam")
        try:
            record(Recorder(checkout, wanted))
        finally:
            checkout.run("local", "down")


def record(recorder: Recorder) -> None:
    checkout, endpoint = recorder.checkout, f"{ENVIRONMENT}/recommender"
    shirt, dresses = checkout.query("red-shirt.png"), "examples/fashion-recommender/queries"
    prepare(checkout)
    recorder.run("first-plan", "plan", ENVIRONMENT)
    recorder.run(FIRST, "apply", ENVIRONMENT)
    recorder.run("plan", "plan", ENVIRONMENT)
    recorder.run("verify", "verify", ENVIRONMENT)
    recorder.run("verify-no-plan", "verify", ENVIRONMENT, "--no-plan")
    recorder.run("drift", "drift", ENVIRONMENT)
    recorder.run("doctor", "doctor", ENVIRONMENT)
    recorder.run("outputs", "outputs", endpoint)
    recorder.run("smoke-test", "smoke-test", ENVIRONMENT)
    recorder.run("invoke", "invoke", endpoint, shirt, "--wait")
    recorder.run("invoke-upload", "invoke", endpoint, shirt, "--wait", "--upload")
    recorder.run(
        "batch", "batch", endpoint, dresses, "--out", str(checkout.folder / "results"), codes=(0, 1)
    )  # one of the images is broken
    for method in ("notifications", "listing", "head"):
        recorder.python(f"client-{method}", CLIENT, shirt, method)
    recorder.python("client-sweep", SWEEP)
    recorder.python("collector", COLLECTOR)
    record_http_api(recorder, endpoint, shirt)
    recorder.run("watch", "watch", endpoint, "--once")
    recorder.run("logs", "logs", endpoint)
    measured = str(checkout.folder / "profile.json")
    recorder.run("profile", "profile", endpoint, shirt, "--out", measured, "--requests", "1", "--while-serving")
    recorder.run("simulate", "simulate", endpoint, "cloudwatch:1", "--start-time", "60")
    recorder.run("usage", "usage", endpoint, "--days", "1", "--start-time", "60")
    change(checkout)
    recorder.run("apply", "apply", ENVIRONMENT)
    recorder.run("destroy", "destroy", ENVIRONMENT)


def record_http_api(recorder: Recorder, endpoint: str, image: str) -> None:
    """Keys, a session of the API, and what an operator does about its webhooks."""
    checkout = recorder.checkout
    kept, revoked = (
        json.loads(checkout.succeed("api-keys", "create", endpoint, "--name", name, "--json", "--local").out)
        for name in ("kept", "revoked")
    )
    recorder.run_all(
        "api-keys",
        ("api-keys", "create", endpoint, "--name", "another"),
        ("api-keys", "list", endpoint),
        ("api-keys", "revoke", endpoint, revoked["id"]),
    )
    if recorder.wants("serve"):
        recorder.python("serve", SESSION, image, API_KEY=kept["key"])
    sqs = checkout.client("sqs")
    letters = sqs.get_queue_url(QueueName="recommender-dev-delivery-dead-letters")["QueueUrl"]
    sqs.send_message(QueueUrl=letters, MessageBody=json.dumps({"deliver": "a" * 26}))
    caller = ("--caller", "a" * 16)
    recorder.run_all(
        "webhooks",
        ("webhooks", "secret", endpoint, *caller),
        ("webhooks", "rotate", endpoint, *caller),
        ("webhooks", "redrive", endpoint),  # before they are listed, which hides them for a while
        ("webhooks", "dead-letters", endpoint),
    )
    recorder.run("webhooks-sweep", "webhooks", "sweep", endpoint)


if __name__ == "__main__":
    main(sys.argv[1:])
