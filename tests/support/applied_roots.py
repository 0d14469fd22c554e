"""Checkouts driven by the console command, and roots applied in them on a local AWS of their own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.local_aws import AccessKey, LocalCredentials, require_credentials
from async_endpoint.workspace import Workspace
from support.recorded_access import CALLERS, OPTIONAL, Needed, recording

CHECKOUT = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).with_name("async-endpoint")
MODELS = ("fashion-recommender", "language-detector")
ENDPOINT = "recommender"  # every environment has it
OF_ONE_ENDPOINT = ("batch", "invoke", "logs", "outputs", "watch")
REGION = "eu-west-1"
WITH_POLICIES = "prod"  # creates the managed policies
LONGEST_COMMAND_SECONDS = 400


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its exit code and what it said."""

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output, which must be exactly one JSON document."""
        return json.loads(self.out)

    @property
    def sentence(self) -> str:
        """The one error it ended with; there must be one, in one line, and no traceback."""
        assert "Traceback" not in self.out + self.err, self
        said = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(said) == 1 and self.err.rstrip().endswith(said[0]), self
        return said[0].removeprefix("error: ")


@dataclass(frozen=True)
class Checkout:
    """A folder that is a checkout to the command, in a path with a space; envs/ is a copy, the rest links."""

    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str) -> Ended:
        done = subprocess.run(
            [COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_COMMAND_SECONDS,
            check=False,
        )
        return Ended(arguments, done.returncode, done.stdout, done.stderr)

    def succeed(self, *arguments: str) -> Ended:
        ended = self.run(*arguments)
        assert ended.code == 0, f"{' '.join(arguments)} ended with {ended.code}:\n{ended.out}{ended.err}"
        return ended

    @contextlib.contextmanager
    def serve(self, *arguments: str) -> Iterator[str]:
        """`async-endpoint serve` for the block: its URL. At the end SIGTERM ends it, without an error."""
        process = subprocess.Popen(
            [COMMAND, "serve", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        lines: list[str] = []
        try:
            for line in process.stderr:
                lines.append(line)
                if (serving := re.search(r"^serving .* on (http://\S+)", line)) is not None:
                    break
            else:
                raise AssertionError(f"serve ended with {process.wait()}: {''.join(lines)}")
            reader = threading.Thread(target=lambda: lines.extend(process.stderr or ()))
            reader.start()
            yield serving[1]
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=30)
            reader.join()
            assert code == 0, "".join(lines)
        finally:
            process.kill()
            process.wait()

    def build_archives(self) -> None:
        """Build the model archives of every environment."""
        for model in MODELS:
            self.succeed("package", f"examples/{model}", "-o", f"build/{model}.tar.gz")

    def start_local_aws(self, *more: str) -> str:
        """Start this checkout's local AWS on a free port; return its URL."""
        options = ("--port", "0", "--time-scale", "60", "--detach", "--json", *more)
        url: str = self.succeed("local", "up", *options).document["endpoint_url"]
        return url

    @property
    def credentials(self) -> LocalCredentials:
        """Those of this checkout's local AWS, which runs."""
        return require_credentials(Workspace(self.folder))

    def client(self, service: str) -> Any:
        """A plain boto3 client of this checkout's local AWS."""
        key, url = self.credentials.access_key, self.credentials.endpoint_url
        secrets = {"aws_access_key_id": key.access_key_id, "aws_secret_access_key": key.secret_access_key}
        return boto3.client(service, region_name=REGION, endpoint_url=url, **secrets)

    def policies(self) -> dict[str, Any]:
        """The managed policies of the account, by the last word of their names: caller, deployer, ... and api_admin."""
        iam, found = self.client("iam"), {}
        for policy in iam.list_policies(Scope="Local")["Policies"]:
            version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
            name = policy["PolicyName"].replace("-api-admin", "-api_admin")
            found[name.rpartition("-")[2]] = version["PolicyVersion"]["Document"]
        return found

    def as_caller_of(self, command: str) -> Checkout:
        """The checkout of a caller with the policies that a command needs; an administrator until there are any."""
        policies = self.policies()
        if command not in CALLERS or not policies:
            return self
        return self.with_policies(f"operator-{command}", *(policies[role] for role in CALLERS[command]))

    def with_policies(self, role: str, *documents: Any) -> Checkout:
        """This checkout with the credentials of a session of a role that has these policies."""
        iam, account = self.client("iam"), "arn:aws:iam::123456789012:root"
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": account}}
        with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
        for number, document in enumerate(documents):  # inline: attached ones could not be destroyed by their own role
            iam.put_role_policy(RoleName=role, PolicyName=str(number), PolicyDocument=json.dumps(document))
        arn = f"arn:aws:iam::123456789012:role/{role}"
        issued = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="tests")["Credentials"]
        key = AccessKey(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])
        variables = {**key.variables(), "AWS_ENDPOINT_URL": self.credentials.endpoint_url}
        return replace(self, environment=self.environment | variables)

    def query(self, name: str) -> str:
        return f"examples/fashion-recommender/queries/{name}"

    def envs(self) -> dict[str, bytes]:
        """Every file below envs/."""
        files = (path for path in sorted((self.folder / "envs").rglob("*")) if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}


@dataclass
class Root:
    """An environment applied on a local AWS of its own."""

    environment: str
    checkout: Checkout
    url: str
    endpoint: str = ENDPOINT
    applied: Ended = field(init=False, repr=False)
    needed: dict[str, list[Needed]] = field(
        default_factory=dict
    )  # what its commands needed, by verb, where policies are deployed
    _heard: dict[str, dict[str, Any]] = field(default_factory=dict)

    def address(self, verb: str) -> str:
        """What `verb` takes: the endpoint where it takes one, else the environment."""
        return f"{self.environment}/{self.endpoint}" if verb in OF_ONE_ENDPOINT else self.environment

    def run(self, verb: str, *arguments: str) -> Ended:
        command = (verb, self.address(verb), *arguments, "--local")
        if self.environment != WITH_POLICIES:
            return self.checkout.run(*command)
        checkout = self._as_its_role(verb)
        with recording(self.checkout.credentials) as needed:
            ended = checkout.run(*command)
        self.needed.setdefault(verb, []).extend(item for item in needed if item.action not in OPTIONAL)
        return ended

    def succeed(self, verb: str, *arguments: str) -> Ended:
        ended = self.run(verb, *arguments)
        assert ended.code == 0, f"{' '.join(ended.arguments)} ended with {ended.code}:\n{ended.out}{ended.err}"
        return ended

    def _as_its_role(self, verb: str) -> Checkout:
        """The checkout of a caller with the policies that `verb` needs; an administrator until they have been applied."""
        return self.checkout.as_caller_of(verb)

    @property
    def operators(self) -> set[str]:
        """The names of the roles that its commands act as."""
        return {f"operator-{command}" for command in CALLERS}

    def policies(self) -> dict[str, Any]:
        """The managed policies of its endpoint, by role: caller, deployer, ..."""
        return self.checkout.policies()

    def apply(self) -> None:
        self.applied = self.run("apply")
        self.__dict__.pop("outputs", None)

    def client(self, service: str) -> Any:
        return self.checkout.client(service)

    @cached_property
    def outputs(self) -> AsyncEndpointOutputs:
        [outputs] = self.succeed("outputs", "--json").document["endpoints"].values()
        return AsyncEndpointOutputs.parse(outputs)

    @property
    def name(self) -> str:
        return self.outputs.endpoint.name

    def keep_at_least(self, instances: int) -> None:
        """Change the lower bound of the scalable target."""
        self.client("application-autoscaling").register_scalable_target(
            ServiceNamespace="sagemaker",
            ScalableDimension="sagemaker:variant:DesiredInstanceCount",
            ResourceId=self.outputs.scaling.resource_id,
            MinCapacity=instances,
        )

    def counts(self) -> tuple[int, int]:
        """Instances wanted, and instances that serve."""
        [variant] = self.client("sagemaker").describe_endpoint(EndpointName=self.name)["ProductionVariants"]
        return variant["DesiredInstanceCount"], variant["CurrentInstanceCount"]

    def object(self, uri: str) -> bytes | None:
        """The bytes of an object; None when there is none."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            body: bytes = self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            assert error.response["Error"]["Code"] == "NoSuchKey", error
            return None
        return body

    def notification(self, inference_id: str, seconds: float = 30) -> dict[str, Any]:
        """The message about one request on the results queue. Messages about others are kept for those who ask for them."""
        sqs, queue = self.client("sqs"), self.outputs.notifications.results_queue_url
        deadline = time.monotonic() + seconds
        while inference_id not in self._heard:
            assert time.monotonic() < deadline, f"no notification of {inference_id} within {seconds} s"
            for received in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages", []):
                message = json.loads(json.loads(received["Body"])["Message"])
                self._heard[message.get("inferenceId", "")] = message
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=received["ReceiptHandle"])
        return self._heard[inference_id]


def with_office_hours(checkout: Path) -> None:
    """Uncomment the schedules of envs/prod."""
    settings = checkout / "envs/prod/main.tf"
    written = re.sub(r"^( +)# (schedules = \{|  \w+ = \{ .+ \}|\})$", r"\1\2", settings.read_text(), flags=re.MULTILINE)
    assert "\n    schedules = {\n" in written, settings
    settings.write_text(written)


class Roots:
    """Roots by environment, each applied when it is first asked for.

    Only `local` is applied as a person does it, the provider started by Terraform; the others have one that is started once.
    """

    def __init__(self, make: Callable[[], Checkout], provider: Callable[[Checkout, str], Checkout]) -> None:
        self._make = make
        self._with_provider = provider
        self._roots: dict[str, Root] = {}

    def applied(self, environment: str) -> Root:
        if environment not in self._roots:
            checkout = self._make()
            checkout.build_archives()
            url = checkout.start_local_aws(*(["--enforce-iam"] if environment == WITH_POLICIES else []))
            if environment == "prod":
                with_office_hours(checkout.folder)
            if environment != "local":
                checkout = self._with_provider(checkout, environment)
            root = Root(environment, checkout, url)
            root.apply()
            self._roots[environment] = root
        root = self._roots[environment]
        assert root.applied.code == 0, f"the apply ended with {root.applied.code}:\n{root.applied.err}"
        return root

    def forget(self, root: Root) -> None:
        """It is destroyed: the next `applied` makes a new one."""
        del self._roots[root.environment]


def shell_environment(container_cache: str) -> dict[str, str]:
    """A person's shell, with settings in it that would lead to AWS, or nowhere, if they were followed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ASYNC_ENDPOINT_HOME", "TF_"))}
    return kept | {
        "AWS_PROFILE": "a-profile-that-is-not-there",
        "TF_CLI_CONFIG_FILE": "/a/file/that/is/not/there",
        "TF_WORKSPACE": "elsewhere",
        "XDG_CACHE_HOME": container_cache,
        "COLUMNS": "200",
    }
