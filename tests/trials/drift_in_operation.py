"""Looks for drift while an applied environment sleeps, wakes, scales and works: each report must be empty.

    python tests/trials/drift_in_operation.py CHECKOUT prod [ROUNDS [SITUATION ...]]

The environment must be applied on the running local AWS of CHECKOUT, with the schedules of envs/prod/main.tf uncommented.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from async_endpoint.core.suspension import ALL_SUSPENDED, TAG_KEY, SuspensionRecord, suspended_state, timestamp
from async_endpoint.deploy.alarm_muting import Mute
from support.common import until
from trials.drift_detection import Trials, as_sentence
from trials.out_of_band import DIMENSION, World, alarm

CHECKOUT = Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 180.0


COLLECTING = """
import sys
from pathlib import Path
from async_endpoint import AsyncEndpoint, ClientConfig

with AsyncEndpoint.from_name(*sys.argv[1:3], config=ClientConfig(collect="notifications")) as endpoint:
    endpoint.submit(Path(sys.argv[3])).result()
    sys.stdin.read()
"""


class Operation:
    """The endpoint of `world`, brought into one situation after the other."""

    def __init__(self, world: World, checkout: Path, credentials: dict[str, str]) -> None:
        self._world, self._checkout, self._credentials = world, checkout, credentials

    def variant(self) -> dict[str, Any]:
        [variant] = self._world.client("sagemaker").describe_endpoint(EndpointName=self._world.name)["ProductionVariants"]
        return dict(variant)

    def counts(self) -> str:
        return f"{self.variant()['CurrentInstanceCount']} of {self.variant()['DesiredInstanceCount']}"

    def target(self) -> dict[str, Any]:
        asked = {"ServiceNamespace": "sagemaker", "ResourceIds": [self._world.target["ResourceId"]]}
        [target] = self._world.client("application-autoscaling").describe_scalable_targets(**asked)["ScalableTargets"]
        return dict(target)

    def as_applied(self) -> None:
        """Nothing has happened since the step before."""

    def asleep(self) -> None:
        """No instance is left, which needs the bounds of the night."""
        if self.target()["MinCapacity"]:
            self._jump(12 * 3600)
        until(lambda: self.target()["MinCapacity"] == 0, "the evening's schedule has fired", LONGEST_SECONDS)
        until(lambda: self.variant()["CurrentInstanceCount"] == 0, "it is asleep", LONGEST_SECONDS)

    def waking(self) -> None:
        """One request, and the instance that it needs is not there yet."""
        self.asleep()
        self.send(1)
        until(lambda: self.variant()["DesiredInstanceCount"] > 0, "it wakes", LONGEST_SECONDS)

    def scaling_out(self) -> None:
        """A backlog for several instances."""
        self.send(120)
        until(lambda: self.variant()["DesiredInstanceCount"] > 1, "it scales out", LONGEST_SECONDS)

    def scaling_in(self) -> None:
        """The backlog is gone, and instances follow it down to the minimum."""
        until(lambda: self.variant()["DesiredInstanceCount"] <= 1, "it scales in", LONGEST_SECONDS)

    def with_results(self) -> None:
        """Inputs, results and failures are in the bucket, and notifications in the queue."""
        bucket = self._world.bucket
        where = self._world.outputs.storage.output_uri.removeprefix(f"s3://{bucket}/")
        self.send(2, body=b"no image")

        def stored() -> bool:
            found = self._world.client("s3").list_objects_v2(Bucket=bucket, Prefix=where)
            return bool(found.get("KeyCount"))

        until(stored, "results are stored", LONGEST_SECONDS)

    def next_day(self) -> None:
        """Both schedules have fired, and the day's bounds are those of one of them."""
        self._jump(86_400)

    def send(self, count: int, body: bytes | None = None) -> None:
        outputs, s3 = self._world.outputs, self._world.client("s3")
        image = body or (CHECKOUT / "examples/fashion-recommender/queries/red-shirt.png").read_bytes()
        base = outputs.storage.input_uri.removeprefix(f"s3://{self._world.bucket}/")
        key = f"{base}drift/{time.time_ns()}.png"
        s3.put_object(Bucket=self._world.bucket, Key=key, Body=image)
        for _ in range(count):
            self._world.client("sagemaker-runtime").invoke_endpoint_async(
                EndpointName=self._world.name, InputLocation=f"s3://{self._world.bucket}/{key}", ContentType="image/png"
            )

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """A client collects by a reply queue, which is subscribed to both topics."""
        queries, variables = CHECKOUT / "examples/fashion-recommender/queries/red-shirt.png", self._credentials
        client = subprocess.Popen(
            [sys.executable, "-c", COLLECTING, self._world.name, self._world.outputs.region, queries],
            env=os.environ | variables,
            stdin=subprocess.PIPE,
        )
        try:
            sqs = self._world.client("sqs")
            queue = {"QueueNamePrefix": f"{self._world.name}-reply-"}
            until(lambda: sqs.list_queues(**queue).get("QueueUrls"), "a reply queue", LONGEST_SECONDS)
            yield
        finally:
            client.communicate(timeout=LONGEST_SECONDS)
        assert client.returncode == 0

    @contextmanager
    def suspended_by_a_killed_command(self) -> Iterator[None]:
        """Scaling is suspended and the record says by which command, as after its SIGKILL."""
        scaling, arn = self._world.client("application-autoscaling"), self.target()["ScalableTargetARN"]
        now = timestamp(time.time())
        record = SuspensionRecord("drift-trial", frozenset(), now, now, "ann@host")
        scaling.tag_resource(ResourceARN=arn, Tags={TAG_KEY: record.encode()})
        register = {
            "ServiceNamespace": "sagemaker",
            "ScalableDimension": DIMENSION,
            "ResourceId": self._world.target["ResourceId"],
        }
        scaling.register_scalable_target(**register, SuspendedState=suspended_state(ALL_SUSPENDED))
        yield
        scaling.register_scalable_target(**register, SuspendedState=suspended_state(()))
        scaling.untag_resource(ResourceARN=arn, TagKeys=[TAG_KEY])

    @contextmanager
    def muted_by_a_killed_command(self) -> Iterator[None]:
        """An alarm is muted and its description says by which command."""
        [live] = self._world.client("cloudwatch").describe_alarms(AlarmNames=[f"{self._world.name}-backlog"])["MetricAlarms"]
        mute = Mute(timestamp(time.time()), "ann@host", live["Threshold"], None, True, live.get("AlarmDescription", ""))
        undo = alarm("backlog", Threshold=1e100, AlarmDescription=str(mute)[:1024])(self._world)
        yield
        undo()

    def _started(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "async_endpoint.cli", *arguments]
        return subprocess.Popen(command, cwd=self._checkout, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _jump(self, seconds: int) -> None:
        command = self._started("local", "fault", "set", "clock-jump", "--seconds", str(seconds))
        assert command.wait(60) == 0, command.args


def situations(operation: Operation) -> list[tuple[str, Callable[[], object]]]:
    """What to bring about, each as a call that may return a context in which it holds."""
    return [
        ("as applied", operation.as_applied),
        ("waking", operation.waking),
        ("results and failures in the bucket", operation.with_results),
        ("scaling out", operation.scaling_out),
        ("scaling in", operation.scaling_in),
        ("a client with its reply queue", operation.collecting),
        ("asleep", operation.asleep),
        ("schedules have fired", operation.next_day),
        ("suspended by a killed command", operation.suspended_by_a_killed_command),
        ("muted by a killed command", operation.muted_by_a_killed_command),
    ]


def main(checkout: Path, environment: str, rounds: int = 1, *wanted: str) -> int:
    """Look for drift in each situation, or those that are `wanted`, `rounds` times.

    Returns 1 if a report has a row, or lacks the note of a killed command.
    """
    trials, false_reports, looked = Trials(checkout, environment), 0, 0
    operation = Operation(trials.world, checkout, trials.credentials)
    with trials.provider():
        for number in range(rounds):
            for name, begin in situations(operation):
                if wanted and name not in wanted:
                    continue
                context = begin()
                with context if isinstance(context, AbstractContextManager) else nullcontext():
                    began, before, report = time.monotonic(), operation.counts(), trials.drift()
                status = trials.world.client("sagemaker").describe_endpoint(EndpointName=trials.world.name)["EndpointStatus"]
                bounds = f"{operation.target()['MinCapacity']} to {operation.target()['MaxCapacity']}"
                rows = [as_sentence(row) for row in report.rows]
                print(
                    f"{number + 1} {name:36} {time.monotonic() - began:4.1f} s  {status}, {before} instances, then "
                    f"{operation.counts()}, bounds {bounds}: "
                    f"{rows or 'no drift'}; unapplied {list(report.pending)}; {len(report.notes)} notes",
                    flush=True,
                )
                noted = "killed command" in name
                looked, false_reports = looked + 1, false_reports + (bool(rows) or noted != bool(report.notes))
    print(f"{looked} reports, {false_reports} false")
    return 1 if false_reports else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1, *sys.argv[4:]))
