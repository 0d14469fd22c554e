"""Predictions with webhooks while API processes are killed at random moments and receivers fail: what arrives where.

Real processes: a local AWS, some API processes that are killed by SIGKILL and started again, and receivers in this one. For one
interval no API process runs at all. Delays of retries are divided by --speed; nothing else is changed.

By hand, some five minutes:  python tests/trials/webhooks_under_kill.py [--predictions 2000] [--kills 50] [--down 60]
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT / "scripts")]

from starlette.requests import Request  # noqa: E402

from async_endpoint.client.models import Submitted  # noqa: E402
from async_endpoint.core.outputs import AsyncEndpointOutputs, HttpApi, Limits  # noqa: E402
from async_endpoint.http_api.predictions.identity import prediction_key  # noqa: E402
from async_endpoint.http_api.predictions.records import Claim, Webhook  # noqa: E402
from async_endpoint.http_api.served_endpoint import ServedEndpoint, Services  # noqa: E402
from async_endpoint.http_api.settings import ApiSettings, EndpointSettings  # noqa: E402
from async_endpoint.http_api.webhooks.deliverer import secrets_of  # noqa: E402
from async_endpoint.http_api.webhooks.schedule import DELAYS_SECONDS, RetrySchedule  # noqa: E402

NAME = "model"
CALLERS = ("ann", "bob", "cyd", "dan")
PROCESSES = 3
RECEIVERS = 4
DEADLINE_SECONDS = 100  # of the predictions that nothing will ever announce
FAILING = 0.1  # share of the predictions that the model refuses


# --- an API process ----------------------------------------------------------------------------------------------------


def serve(outputs_file: Path, port: int, speed: float, allowed: list[str]) -> None:
    """Serve as `async-endpoint serve` does, with quicker retries, and with callers by a header instead of keys."""
    import uvicorn  # noqa: PLC0415 - of the extra

    from async_endpoint.http_api.access.authentication import authenticate  # noqa: PLC0415
    from async_endpoint.http_api.application import create_application  # noqa: PLC0415
    from async_endpoint.http_api.webhooks.addresses import AddressPolicy  # noqa: PLC0415
    from async_endpoint.http_api.webhooks.deliverer import Deliverer  # noqa: PLC0415
    from async_endpoint.http_api.webhooks.delivery import Poster  # noqa: PLC0415
    from async_endpoint.http_api.webhooks.sweep import Sweep  # noqa: PLC0415
    from async_endpoint.http_api.webhooks.worker import Worker, WorkerSettings  # noqa: PLC0415

    logging.basicConfig(level=logging.WARNING)
    settings, services = api(outputs_file, allowed, port=port)
    application = create_application(settings, services)

    async def caller(request: Request) -> str:
        return request.headers["X-Caller"]

    application.dependency_overrides[authenticate] = caller
    endpoint: ServedEndpoint = application.state.endpoints[NAME]
    schedule = RetrySchedule(tuple(seconds / speed for seconds in DELAYS_SECONDS))
    poster = Poster(AddressPolicy(allowed), time.monotonic, total=2.0)
    deliverer = Deliverer(endpoint, poster, schedule=schedule, attempts_per_receiver=8)
    url = endpoint.settings.http_api.delivery_queue_url
    Worker(endpoint.session, url, deliverer.handle, WorkerSettings(visibility=6, renewal=2.0)).start()
    sweep = Sweep(endpoint)

    def sweep_all() -> None:
        for _ in itertools.count():
            time.sleep(random.uniform(2, 6))
            with suppress(Exception):
                sweep.run(force=True, seconds=20)

    threading.Thread(target=sweep_all, daemon=True).start()
    uvicorn.run(application, host="127.0.0.1", port=port, log_config=None, access_log=False)


def api(outputs_file: Path, allowed: list[str], port: int = 8000) -> tuple[ApiSettings, Services]:
    document = json.loads(outputs_file.read_text())
    outputs = AsyncEndpointOutputs.parse(document["outputs"])
    settings = ApiSettings(
        environment="local",
        endpoints={NAME: EndpointSettings(NAME, outputs)},
        port=port,
        keys_required=False,
        deliveries=False,  # its own worker has other delays
        allowed_webhooks=tuple(allowed),
        endpoint_url=document["url"],
    )
    return settings, Services.of(settings)


# --- what they are tried with ------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What was observed."""

    kills: int = 0
    submissions: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


class Processes:
    """API processes, each on a port of its own."""

    def __init__(self, outputs_file: Path, home: Path, speed: float, allowed: list[str]) -> None:
        self._command = [sys.executable, __file__, "--serve", str(outputs_file), "--speed", str(speed)]
        self._command += [part for url in allowed for part in ("--allow", url)]
        self._environment = os.environ | {"ASYNC_ENDPOINT_HOME": str(home)}
        self._log = (home / "api.log").open("ab")
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self.ports: list[int] = []

    def start(self, port: int) -> None:
        self._running[port] = subprocess.Popen(
            [*self._command, "--port", str(port)], env=self._environment, stdout=self._log, stderr=self._log
        )

    def kill(self, port: int) -> None:
        process = self._running[port]
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for port in self._running:
            self.kill(port)
        self._log.close()


def submit(number: int, ports: list[int], body: bytes, url: str, tally: Tally) -> None:
    """Submit one prediction as a patient caller: again, to any process, until it is accepted."""
    headers = {"X-Caller": caller_of(number), "Webhook-Url": url, "Content-Type": "application/json"}
    while True:
        port = random.choice(ports)
        address = f"http://127.0.0.1:{port}/v1/endpoints/{NAME}/predictions/p{number}"
        request = urllib.request.Request(address, body, headers, method="PUT")
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                tally.submissions[str(response.status)] += 1
                return
        except urllib.error.HTTPError as error:
            tally.submissions[str(error.code)] += 1
            if error.code not in (409, 502, 503):
                raise RuntimeError(f"{error.code}: {error.read()[:300]!r}") from error
            time.sleep(min(float(error.headers.get("Retry-After", 1)), 5))
        except OSError as error:
            tally.submissions[type(getattr(error, "reason", error)).__name__] += 1
            time.sleep(0.3)


def caller_of(number: int) -> str:
    return CALLERS[number % len(CALLERS)]


def deploy(aws: Any) -> AsyncEndpointOutputs:
    """An endpoint and its delivery queue, as modules/webhooks makes it."""
    from support.echo_endpoint import MODEL, outputs_of  # noqa: PLC0415 - slow to load
    from support.sample_model import archive  # noqa: PLC0415

    deployed = aws.endpoint(archive(MODEL), topics=True, concurrency=8)
    dead = aws.queue()
    redrive = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 5})
    queue = aws.queue(RedrivePolicy=redrive, VisibilityTimeout="180")
    for topic in {deployed.topics["SuccessTopic"], deployed.topics["ErrorTopic"]}:
        aws.subscribe(
            topic,
            queue,
            RawMessageDelivery="true",
            FilterPolicyScope="MessageBody",
            FilterPolicy=json.dumps({"inferenceId": [{"prefix": "api-"}]}),
        )
    folder = f"s3://{deployed.bucket}"
    http_api = HttpApi(
        state_uri=f"{folder}/predictions/{NAME}/",
        credentials_uri=f"{folder}/credentials/{NAME}/",
        delivery_queue_url=queue.url,
        delivery_queue_arn=queue.arn,
        delivery_dead_letter_queue_url=dead.url,
    )
    limits = Limits(request_ttl_seconds=21_600, invocation_timeout_seconds=60, cold_start_seconds=60)
    return dataclasses.replace(outputs_of(deployed), http_api=http_api, limits=limits)


def never_sent(endpoint: ServedEndpoint, count: int, urls: list[str]) -> dict[str, str]:
    """Predictions that were accepted and of which nothing will be known; their webhooks by id."""
    made = {}
    age = endpoint.settings.info.deadline_seconds + 120
    for number in range(count):
        caller, name = caller_of(number), f"lost{number}"
        url = f"{urls[number % len(urls)]}{caller}/{name}"
        created_at = datetime.fromtimestamp(time.time() - age + number * 0.01, UTC)
        key = prediction_key(caller, endpoint.settings.info.name, name)
        hook = Webhook(url, ("succeeded", "failed", "expired"))
        claim = Claim(key, name, caller, created_at, "application/json", None, "0" * 64, 2, None, hook, "trial")
        endpoint.records.claim(claim)
        outputs = endpoint.settings.outputs
        submitted = Submitted(
            f"api-{key}.trial", None, f"{outputs.storage.output_uri}api/{key}.out", None, float(DEADLINE_SECONDS), created_at
        )
        endpoint.records.mark(claim, submitted)
        made[name] = url
    return made


# --- the trial -----------------------------------------------------------------------------------------------------------


@contextmanager
def receivers(stack: ExitStack, share: float) -> Iterator[list[Any]]:
    """Receivers that fail that share of requests: an error, a redirect to another receiver, or no answer in time."""
    from support.webhook_receiver import receiving  # noqa: PLC0415

    found = [stack.enter_context(receiving()) for _ in range(RECEIVERS)]
    draw = random.Random(7)

    def answer(number: int, path: str) -> int | tuple[int, dict[str, str]]:
        if draw.random() >= share:
            return 204
        status = draw.choice([500, 503, 429, 404, 302])
        return (status, {"Location": found[0].url}) if status == 302 else status

    for receiver in found:
        receiver.answer = answer
    yield found


def trial(predictions: int, kills: int, down: float, speed: float, home: Path) -> dict[str, Any]:
    """Run it; returns the figures."""
    from support.in_process_aws import AwsHarness  # noqa: PLC0415
    from support.remote_aws import running  # noqa: PLC0415

    tally = Tally()
    os.environ["ASYNC_ENDPOINT_HOME"] = str(home)
    with ExitStack() as stack:
        remote: Any = stack.enter_context(running(home, 60.0))
        outputs = deploy(AwsHarness(remote, home / ".local" / "aws"))
        outputs_file = home / "outputs.json"
        outputs_file.write_text(json.dumps({"outputs": outputs.as_dict(), "url": remote.record.endpoint_url}))
        hooks = stack.enter_context(receivers(stack, 0.3))
        urls = [receiver.url for receiver in hooks]
        processes = Processes(outputs_file, home, speed, urls)
        stack.callback(processes.stop)
        processes.ports = free_ports(PROCESSES)
        for port in processes.ports:
            processes.start(port)
        settings, services = api(outputs_file, urls)
        endpoint = ServedEndpoint.create(settings.endpoints[NAME], settings, services)
        secrets = {caller: secrets_of(endpoint).get(caller).current for caller in CALLERS}
        for receiver in hooks:
            receiver.secret = lambda path: secrets.get(path.split("/")[1])
        expected = {f"p{number}": f"{urls[number % RECEIVERS]}{caller_of(number)}/p{number}" for number in range(predictions)}
        bodies = [json.dumps({"status": 400, "n": n} if n % 10 == 7 else {"n": n}).encode() for n in range(predictions)]
        started_at = time.monotonic()
        with ThreadPoolExecutor(24) as callers:
            work = [callers.submit(submit, n, processes.ports, bodies[n], expected[f"p{n}"], tally) for n in range(predictions)]
            expected |= never_sent(endpoint, predictions // 100, urls)
            killer = threading.Thread(target=kill_all, args=(processes, kills, down, tally, work), daemon=True)
            killer.start()
            for item in work:
                item.result()
            print(f"all accepted after {time.monotonic() - started_at:.0f} s", file=sys.stderr)
            killer.join()
        print(f"all kills after {time.monotonic() - started_at:.0f} s", file=sys.stderr)
        wait_for_deliveries(hooks, expected, seconds=900)
        tally.seconds = time.monotonic() - started_at
        return verdict(endpoint, hooks, expected, tally)


def free_ports(count: int) -> list[int]:
    import socket  # noqa: PLC0415

    with ExitStack() as stack:
        return [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(count)]


def kill_all(processes: Processes, kills: int, down: float, tally: Tally, work: list[Any]) -> None:
    """Kill processes at random moments, one at a time; half way all of them, for `down` seconds."""
    draw = random.Random(11)
    for number in range(kills):
        time.sleep(draw.uniform(0.3, 3.0))
        if number == kills // 2:
            for port in processes.ports:
                processes.kill(port)
            done = sum(item.done() for item in work)
            print(f"all processes are down for {down:g} s, {done} predictions accepted", file=sys.stderr)
            time.sleep(down)
            for port in processes.ports:
                processes.start(port)
        else:
            port = draw.choice(processes.ports)
            processes.kill(port)
            time.sleep(draw.uniform(0.0, 1.0))
            processes.start(port)
        tally.kills += 1


def wait_for_deliveries(hooks: list[Any], expected: dict[str, str], seconds: float) -> None:
    """Until every prediction was delivered, or the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        delivered = {item.path for receiver in hooks for item in list(receiver.received) if item.status < 300}
        missing = {urlsplit(url).path for url in expected.values()} - delivered
        if not missing:
            return
        time.sleep(1)
    print(f"{len(missing)} are missing: {sorted(missing)[:5]}", file=sys.stderr)


def verdict(endpoint: ServedEndpoint, hooks: list[Any], expected: dict[str, str], tally: Tally) -> dict[str, Any]:
    """The figures of the bar; all that begin with `wrong_` or `lost_` have to be 0."""
    wrong: Counter[str] = Counter()
    events: defaultdict[str, set[str]] = defaultdict(set)
    bodies: defaultdict[str, set[bytes]] = defaultdict(set)
    delivered: Counter[str] = Counter()
    attempts = 0
    for receiver in hooks:
        for item in receiver.received:
            attempts += 1
            name = item.event["data"]["id"]
            wrong["receiver"] += f"{receiver.url.rstrip('/')}{item.path}" != expected[name]
            wrong["signature"] += not item.valid
            events[name].add(item.event["type"])
            bodies[item.id].add(item.body)
            delivered[name] += item.status < 300
    recorded = Counter(
        str(record.event)
        for name, url in expected.items()
        if (record := endpoint_outcome(endpoint, urlsplit(url).path.split("/")[1], name)) is not None
    )
    return {
        "predictions": len(expected),
        "kills": tally.kills,
        "seconds": round(tally.seconds, 1),
        "attempts": attempts,
        "attempts_that_receivers_failed": sum(item.status >= 300 for receiver in hooks for item in receiver.received),
        "submissions": dict(tally.submissions),
        "ended_as": dict(recorded),
        "delivered_more_than_once": sum(count > 1 for count in delivered.values()),
        "lost_deliveries": sum(delivered[name] == 0 for name in expected),
        "lost_outcomes": len(expected) - sum(recorded.values()),
        "wrong_ends": sum(len(kinds) != 1 for kinds in events.values()),
        "wrong_bodies": sum(len(kinds) != 1 for kinds in bodies.values()),
        "wrong_receivers": wrong["receiver"],
        "wrong_signatures": wrong["signature"],
    }


def endpoint_outcome(endpoint: ServedEndpoint, caller: str, name: str) -> Any:
    from async_endpoint.http_api.webhooks.deliverer import outcomes_of  # noqa: PLC0415

    claim = endpoint.records.read(prediction_key(caller, endpoint.settings.info.name, name))
    return None if claim is None else outcomes_of(endpoint).read(claim.key, claim.created_at)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--predictions", type=int, default=2_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--down", type=float, default=60.0, help="seconds without any API process")
    parser.add_argument("--speed", type=float, default=100.0, help="what the delays of retries are divided by")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--allow", action="append", default=[], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, arguments.port, arguments.speed, arguments.allow)
        return 0
    with tempfile.TemporaryDirectory(prefix="webhooks-") as home:
        try:
            figures = trial(arguments.predictions, arguments.kills, arguments.down, arguments.speed, Path(home))
        finally:
            log = Path(home) / "api.log"
            if log.is_file():
                sys.stderr.write(log.read_text(errors="replace")[-4_000:])
    print(json.dumps(figures, indent=2))
    return any(count for name, count in figures.items() if name.startswith(("wrong_", "lost_")))


if __name__ == "__main__":
    sys.exit(main())
