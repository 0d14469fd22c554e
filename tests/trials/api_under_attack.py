"""Hostile and unlucky clients against real API processes of a local AWS: races, slow clients, malformed HTTP, a failing S3.

Prints one line a check; exit code 1 when any fails.

By hand, some three minutes:  python tests/trials/api_under_attack.py [--only PART] [--clients 1000]
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import socket
import sys
import tempfile
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT / "scripts")]

from support.deployed_endpoint import Deployed  # noqa: E402
from support.echo_endpoint import MODEL  # noqa: E402
from support.fault_injection import fault  # noqa: E402
from support.in_process_aws import REGION, AwsHarness  # noqa: E402
from support.remote_aws import running  # noqa: E402
from support.sample_model import archive  # noqa: E402
from support.served_api import NAME, ApiProcess, api_process, with_api  # noqa: E402

SECONDS = 40
PREDICTIONS = f"/v1/endpoints/{NAME}/predictions"


@dataclass
class Scene:
    """A local AWS with an endpoint that is awake, two API processes of it, and what was found."""

    aws: AwsHarness
    deployed: Deployed
    processes: list[ApiProcess]
    start: Callable[..., ApiProcess]
    log: Path
    failed: list[str] = field(default_factory=list)

    def check(self, what: str, good: bool, found: Any) -> None:
        print(f"{'ok  ' if good else 'FAIL'} {what}: {found}", flush=True)
        if not good:
            self.failed.append(what)

    def keys(self, folder: str) -> list[str]:
        pages = self.aws.s3.get_paginator("list_objects_v2").paginate(Bucket=self.deployed.bucket, Prefix=folder)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    def invocations(self) -> int:
        return int(self.aws.aws.status()["calls"].get("sagemaker-runtime", {}).get("InvokeEndpointAsync", 0))


def request(process: ApiProcess, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any, float]:
    """Status, body (JSON decoded) and seconds of one request over a connection of its own."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(process.url).netloc, timeout=SECONDS)
    begun = time.monotonic()
    try:
        connection.request(method, path, body, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    try:
        return response.status, json.loads(text), time.monotonic() - begun
    except ValueError:
        return response.status, text, time.monotonic() - begun


def races(scene: Scene) -> None:
    """Fifty threads, two processes, one id: one prediction, sent once, with one output; different bodies: one of them."""
    before = scene.invocations()

    def put(number: int) -> tuple[int, Any, float]:
        process = scene.processes[number % 2]
        return request(process, "PUT", f"{PREDICTIONS}/race", b'{"n": 1}')

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(put, range(50)))
    statuses = Counter(status for status, _, _ in answers)
    scene.check("fifty equal requests are accepted", set(statuses) <= {200, 202}, dict(statuses))
    created = {document.get("created_at") for _, document, _ in answers}
    scene.check("they are one prediction", len(created) == 1, len(created))
    scene.check("which was sent once", scene.invocations() - before == 1, scene.invocations() - before)
    status, _, _ = request(scene.processes[0], "GET", f"{PREDICTIONS}/race", None, Prefer="wait=20")
    scene.check("and has one output", status == 200 and len(scene.keys("output/api/")) == 1, len(scene.keys("output/api/")))

    def other(number: int) -> tuple[int, Any, float]:
        return request(scene.processes[number % 2], "PUT", f"{PREDICTIONS}/rivals", json.dumps({"n": number}).encode())

    with ThreadPoolExecutor(50) as threads:
        rivals = Counter(status for status, _, _ in threads.map(other, range(50)))
    scene.check("fifty rivals: one accepted, the others 409", rivals == {202: 1, 409: 49}, dict(rivals))


def watchers(scene: Scene, clients: int) -> None:
    """Many clients that follow twenty predictions while the endpoint sleeps: others are served, and all see the end."""
    scene.deployed.asleep()
    process = scene.processes[0]
    names = [f"watched{number}" for number in range(20)]
    for name in names:
        request(process, "PUT", f"{PREDICTIONS}/{name}", b"{}")
    usage = psutil.Process(process.pid)
    before = usage.memory_info().rss

    async def follow(number: int, opened: asyncio.Semaphore, all_open: asyncio.Event) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", urllib.parse.urlsplit(process.url).port)
        path = f"{PREDICTIONS}/{names[number % len(names)]}/events"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {urllib.parse.urlsplit(process.url).netloc}\r\n\r\n".encode())
        text = await asyncio.wait_for(reader.readuntil(b"event: accepted"), 120)
        opened.release()
        await all_open.wait()
        while b"event: succeeded" not in text:
            more = await asyncio.wait_for(reader.read(65_536), 180)
            if not more:
                break
            text += more
        writer.close()
        return b"event: succeeded" in text

    async def all_of_them() -> int:
        opened, all_open = asyncio.Semaphore(0), asyncio.Event()
        tasks = [asyncio.create_task(follow(number, opened, all_open)) for number in range(clients)]
        for _ in range(clients):
            await asyncio.wait_for(opened.acquire(), 180)
        times = [(await asyncio.to_thread(request, process, "GET", "/v1/endpoints"))[2] for _ in range(10)]
        scene.check("others are served meanwhile", max(times) < 2, f"{max(times):.2f} s at most")
        cpu, begun = sum(usage.cpu_times()[:2]), time.monotonic()
        await asyncio.sleep(5)  # of quiet, which is what is measured
        share = (sum(usage.cpu_times()[:2]) - cpu) / (time.monotonic() - begun)
        scene.check("following costs little CPU", share < 0.3, f"{share:.2f} of a processor")
        grown = (usage.memory_info().rss - before) / clients / 1024
        scene.check("and little memory", grown < 200, f"{grown:.0f} KiB a client")
        await asyncio.to_thread(scene.deployed.scale, 1)
        all_open.set()
        return sum(await asyncio.gather(*tasks))

    ended = asyncio.run(all_of_them())
    scene.check("all see the end", ended == clients, f"{ended} of {clients}")
    status, _, _ = request(process, "GET", "/healthz")
    scene.check("the process lives", status == 200, status)


def slow_clients(scene: Scene, clients: int) -> None:
    """Connections that send nothing, half a request line, or half a body: others are served, and they are closed in time."""
    process = scene.start()
    address = ("127.0.0.1", urllib.parse.urlsplit(process.url).port)
    host = urllib.parse.urlsplit(process.url).netloc
    halves = (
        b"",
        b"GET /healthz HT",
        f"PUT {PREDICTIONS}/slow HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n\r\n{{".encode(),
    )
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_connection(address)) for _ in range(clients)]
        for number, one in enumerate(sockets):
            one.sendall(halves[number % len(halves)])
        times = [request(process, "GET", "/healthz")[2] for _ in range(20)]
        scene.check(f"{clients} slow clients delay no other", max(times) < 3, f"{max(times):.2f} s at most")
        ended = time.monotonic() + 75
        closed = 0
        for one in sockets:
            one.settimeout(max(ended - time.monotonic(), 0.01))
            try:
                while one.recv(65_536):
                    pass
                closed += 1
            except TimeoutError:
                pass
            except OSError:
                closed += 1
        scene.check("slow clients are cut off within 75 s", closed == clients, f"{closed} of {clients}")


MALFORMED = {  # headers and body of a POST; %S is a second request
    "length and chunks": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%S",
    "two lengths": b"Content-Length: 4\r\nContent-Length: 30\r\n\r\nabcd%S",
    "list of lengths": b"Content-Length: 4, 30\r\n\r\nabcd%S",
    "signed length": b"Content-Length: +4\r\n\r\nabcd%S",
    "negative length": b"Content-Length: -1\r\n\r\n%S",
    "obscured chunked": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n%S",
    "space before colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n%S",
    "folded header": b"Webhook-Url: https://a.example/\r\n evil: 1\r\nContent-Length: 2\r\n\r\n{}",
    "NUL in a header": b"Webhook-Url: https://a\x00.example/\r\nContent-Length: 2\r\n\r\n{}",
    "chunk of a wrong size": b"Transfer-Encoding: chunked\r\n\r\nZ\r\nabc\r\n0\r\n\r\n",
    "huge chunk size": b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n",
    "huge header": b"X-Large: " + b"a" * 200_000 + b"\r\nContent-Length: 2\r\n\r\n{}",
    "many headers": b"".join(b"X-%d: a\r\n" % number for number in range(20_000)) + b"Content-Length: 2\r\n\r\n{}",
    "huge length": b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "compressed body": b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    "non-ASCII content type": b"Content-Type: text/pl\xc3\xa4in\r\nContent-Length: 2\r\n\r\n{}",
    "non-ASCII Accept": b"Accept: \xff\xfe\r\nContent-Length: 2\r\n\r\n{}",
    "non-ASCII webhook": b"Webhook-Url: https://\xc3\xa4.example/\r\nContent-Length: 2\r\n\r\n{}",
    "two keys": b"Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 2\r\n\r\n{}",
    "two authorizations": b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\nContent-Length: 2\r\n\r\n{}",
    "request id of lines": b"X-Request-Id: a%0d%0ab\r\nContent-Length: 2\r\n\r\n{}",
}


def malformed(scene: Scene) -> None:
    """Requests that parsers disagree about: no second request is served, and no 500."""
    process = scene.processes[0]
    host = urllib.parse.urlsplit(process.url).netloc.encode()
    second = b"GET /smuggled HTTP/1.1\r\nHost: %s\r\n\r\n" % host
    for name, rest in MALFORMED.items():
        answers = raw(
            process, b"POST %s HTTP/1.1\r\nHost: %s\r\n%s" % (PREDICTIONS.encode(), host, rest.replace(b"%S", second))
        )
        statuses = [int(line.split()[1]) for line in answers.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
        smuggled = b"/smuggled" in answers
        good = not smuggled and not any(status >= 500 for status in statuses) and len(statuses) == 1
        scene.check(f"malformed: {name}", good, f"{statuses} {'SMUGGLED' if smuggled else ''}")
    lines = (b"GET http://evil.example/v1/endpoints HTTP/1.1", b"GET //evil.example/v1 HTTP/1.1", b"GET /v1/endpoints HTTP/9.9")
    for line in (
        *lines,
        b"CONNECT evil.example:443 HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ):
        answers = raw(process, line + b"\r\nHost: %s\r\nConnection: close\r\n\r\n" % host)
        good = b" 500 " not in answers.partition(b"\r\n")[0]
        scene.check(f"request line {line[:40]!r}", good, answers.partition(b"\r\n")[0].decode("latin-1"))


def raw(process: ApiProcess, data: bytes) -> bytes:
    """What comes back until the server closes the connection or says nothing for two seconds."""
    with socket.create_connection(("127.0.0.1", urllib.parse.urlsplit(process.url).port)) as connection:
        connection.settimeout(2)
        found = b""
        try:
            connection.sendall(data)
            while more := connection.recv(65_536):
                found += more
        except OSError:
            pass
    return found


def names(scene: Scene) -> None:
    """Ids and endpoints that are no names: 400 or 404, never another prediction and never 500."""
    process = scene.processes[0]
    given = [
        "%00",
        "%2e%2e",
        "..%2f..%2fkeys",
        "%252e",
        "a%2Fb",
        "ä",
        "%C3%A4",
        "%C0%AE",
        "%FF",
        "a%20b",
        "%F0%9F%92%A9",
        "a" * 129,
        "%EF%BC%8F",
        "~" * 128,
    ]
    for name in given:
        path = f"{PREDICTIONS}/{name if name.isascii() else urllib.parse.quote(name)}"
        statuses = [request(process, method, path, b"{}" if method == "PUT" else None)[0] for method in ("GET", "PUT")]
        valid = name == "~" * 128
        good = statuses == [404, 202] if valid else all(status in (400, 404) for status in statuses)
        scene.check(f"id {name[:30]}", good, statuses)
        status, _, _ = request(process, "GET", f"/v1/endpoints/{name if name.isascii() else 'x'}/predictions/a")
        scene.check(f"endpoint {name[:30]}", status == 404, status)
    for query in (
        "limit=0",
        "limit=-1",
        "limit=1e9",
        "limit=99999999999999999999",
        "cursor=%00",
        "cursor=" + "a" * 5_000,
        "limit=1&limit=2",
        "cursor=LjAwMDA",
    ):
        status, _, _ = request(process, "GET", f"{PREDICTIONS}?{query}")
        scene.check(f"query {query[:30]}", status in (200, 400), status)


def failing_s3(scene: Scene) -> None:
    """An S3 that fails, throttles, is slow or breaks connections: 503 with Retry-After, quickly, and nothing is lost."""
    process = scene.processes[0]
    for number, (kind, options) in enumerate(
        (
            ("error", {"service": "s3", "status": 500}),
            ("error", {"service": "s3", "status": 503}),
            ("throttle", {"service": "s3"}),
            ("disconnect", {"service": "s3", "when": "before"}),
            ("disconnect", {"service": "s3", "when": "after"}),
            ("error", {"service": "sagemaker-runtime", "status": 503}),
            ("throttle", {"service": "sagemaker-runtime"}),
        )
    ):
        name = f"fault{number}"
        with fault(scene.aws, kind, **options):
            status, document, seconds = request(process, "PUT", f"{PREDICTIONS}/{name}", b"{}")
            kind_of = document.get("type") if isinstance(document, dict) else document
            wanted = (202, 503) if options["service"] == "s3" else (202, 429, 503)
            scene.check(f"{kind} {options}", status in wanted and seconds < 25, f"{status} {kind_of} in {seconds:.1f} s")
        deadline = time.monotonic() + 45
        status = 0
        while status not in (200, 202) and time.monotonic() < deadline:
            status, document, _ = request(process, "PUT", f"{PREDICTIONS}/{name}", b"{}")
            if status not in (200, 202):
                time.sleep(1)
        scene.check(f"afterwards {name} is accepted", status in (200, 202), status)
    with fault(scene.aws, "latency", service="s3", seconds=4):
        with ThreadPoolExecutor(100) as threads:
            slow = [threads.submit(request, process, "PUT", f"{PREDICTIONS}/slow{number}", b"{}") for number in range(100)]
            time.sleep(1)  # until all are waiting
            times = [request(process, "GET", "/healthz")[2] for _ in range(10)]
            scene.check("a slow S3 does not hold up the process", max(times) < 1, f"{max(times):.2f} s at most")
            statuses = Counter(item.result()[0] for item in slow)
        scene.check("a hundred requests through a slow S3", set(statuses) <= {202, 503}, dict(statuses))


def large_bodies(scene: Scene) -> None:
    """Sixty bodies of 4 MiB at once, twice: the memory of the second time is that of the first."""
    process = scene.start()
    usage, body, peaks = psutil.Process(process.pid), bytes(4 * 1024 * 1024), []
    for number in range(2):
        with ThreadPoolExecutor(60) as threads:
            path = f"{PREDICTIONS}/large{number}-"
            sent = [threads.submit(request, process, "PUT", f"{path}{one}", body) for one in range(60)]
            peak = 0
            while not all(item.done() for item in sent):
                peak = max(peak, usage.memory_info().rss)
                time.sleep(0.05)
            statuses = Counter(item.result()[0] for item in sent)
        peaks.append(peak / 2**20)
        scene.check("sixty large bodies are accepted", set(statuses) == {202}, dict(statuses))
    rested = usage.memory_info().rss / 2**20
    scene.check(
        "their memory is used again",
        peaks[1] < 1.3 * peaks[0],
        f"peaks {peaks[0]:.0f} and {peaks[1]:.0f} MiB, then {rested:.0f}",
    )


def credentials(scene: Scene) -> None:
    """Credentials that AWS refuses: 502, without their names in the response."""
    wrong = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "wrong", "AWS_SESSION_TOKEN": ""}
    elsewhere = scene.log.parent / "elsewhere"
    (elsewhere / "modules" / "async-inference").mkdir(parents=True)
    (elsewhere / "envs").mkdir()
    wrong |= {"ASYNC_ENDPOINT_HOME": str(elsewhere)}  # whose files have no key of the local AWS
    process = scene.start(environment=wrong)
    status, document, seconds = request(process, "PUT", f"{PREDICTIONS}/wrong", b"{}")
    good = status in (502, 503) and "AKIA" not in json.dumps(document)
    scene.check("refused credentials", good, f"{status} in {seconds:.1f} s: {document}")
    gone = scene.start(endpoint_url="http://127.0.0.1:9")
    status, document, seconds = request(gone, "PUT", f"{PREDICTIONS}/wrong", b"{}")
    scene.check("no AWS at all", status == 503 and seconds < 25, f"{status} in {seconds:.1f} s: {document}")


def log_is_json(scene: Scene) -> None:
    """Every line of the processes' logs is JSON, none a traceback."""
    lines = scene.log.read_text().splitlines()
    other = [line for line in lines if not line.startswith("{")]
    scene.check("every line of the log is JSON", not other, Counter(other).most_common(5))
    tracebacks = [line[:1_500] for line in lines if '"traceback"' in line]
    scene.check("no traceback in the log", not tracebacks, tracebacks[:2])


@contextmanager
def scenes(home: Path) -> Iterator[Scene]:
    os.environ["ASYNC_ENDPOINT_HOME"] = str(home)
    with ExitStack() as stack:
        remote: Any = stack.enter_context(running(home, 60.0))
        aws = AwsHarness(remote, home / ".local" / "aws")
        deployed = aws.endpoint(archive(MODEL), topics=True, concurrency=8)
        outputs, log = with_api(deployed), home / "api.log"

        def start(environment: dict[str, str] | None = None, **settings: Any) -> ApiProcess:
            own = aws.credentials.environment(REGION) | (environment or {})
            return stack.enter_context(api_process(outputs, settings.pop("endpoint_url", aws.url), own, log, **settings))

        yield Scene(aws, deployed, [start(), start()], start, log)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=1_000)
    parser.add_argument("--only", action="append", help="a part; may be given again")
    arguments = parser.parse_args()
    parts: dict[str, Callable[[Scene], None]] = {
        "races": races,
        "malformed": malformed,
        "names": names,
        "credentials": credentials,
        "s3": failing_s3,
        "bodies": large_bodies,
        "watchers": lambda scene: watchers(scene, arguments.clients),
        "slow": lambda scene: slow_clients(scene, arguments.clients),
        "log": log_is_json,
    }
    with tempfile.TemporaryDirectory(prefix="attack-") as home, scenes(Path(home)) as scene:
        for name, part in parts.items():
            if not arguments.only or name in arguments.only:
                part(scene)
        failed = scene.failed
    print(f"{len(failed)} checks failed" if failed else "all checks passed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
