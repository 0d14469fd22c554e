"""Ten thousand requests that wait, are then computed, and are then collected: three phases, none beside another."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

from bench.curve import Curve
from bench.harness import Harness
from bench.load import Consumer, invoke, together
from bench.program import until
from bench.report import Report

INSTANCES = 2


def measure(report: Report, requests: int) -> None:
    """Accept at zero instances; wake and compute; collect. Each by the thousand, or the tenth of fewer."""
    part = min(1_000, requests // 10)
    with Harness() as harness:
        endpoint = harness.endpoint("drain")
        endpoint.scale(0)
        endpoint.until_serving(0)
        answers: dict[str, Any] = {}
        accepted = _accept(harness, requests, part, answers)
        computed = Curve(harness)
        endpoint.scale(INSTANCES)
        until(lambda: len(endpoint.containers) > 0, "an instance serves", 0.01)
        done = 0
        while done < requests:
            done = requests - endpoint.backlog
            if done:  # from the first outcome on: starting an instance is no part of it
                computed.sample(done)
            time.sleep(0.1)
        consumer, collected = Consumer(harness), Curve(harness)
        collected.sample(0)
        while sum(consumer.seen.values()) < requests and consumer.take(wait=1):
            collected.sample(sum(consumer.seen.values()))
        while consumer.take(wait=1):  # what there is beyond one each
            pass
        phases = {"accepted": accepted, "computed, stored and announced": computed, "received and deleted": collected}
        _report_costs(report, phases, requests, part)
        _report_outcomes(report, harness, requests, answers, consumer)
        _report_memory(report, phases, requests)


def _accept(harness: Harness, requests: int, part: int, answers: dict[str, Any]) -> Curve:
    curve, lock = Curve(harness), threading.Lock()
    curve.sample(0)

    def one(number: int) -> None:
        name = f"drain-{number}"
        answer = invoke(harness, "drain", name)
        with lock:
            answers[name] = answer
            if len(answers) % (part // 2) == 0:
                curve.sample(len(answers))

    together(one, range(requests))
    return curve


def _report_costs(report: Report, phases: dict[str, Curve], requests: int, part: int) -> None:
    totals = {"first": [0.0, 0.0], "last": [0.0, 0.0]}
    for name, curve in phases.items():
        low = curve.points[0].done
        for which, window in (("first", (low, low + part)), ("last", (requests - part, requests))):
            cpu, wall = curve.cost(*window)
            totals[which][0] += cpu
            totals[which][1] += wall
            report.add("queued", f"{name}, {which} {part:,}", f"{cpu:.2f} ms CPU, {wall:.2f} ms wall a request")
        report.plot(name, [(point.done, curve.cost(max(point.done - part, low), point.done)[0]) for point in _by(curve, part)])
    for place, kind in enumerate(("CPU", "wall")):
        ratio = totals["last"][place] / totals["first"][place]
        text = f"{ratio:.2f} ({totals['last'][place]:.2f} ms / {totals['first'][place]:.2f} ms)"
        report.bar("queued", f"{kind} a request in all, last {part:,} ÷ first {part:,}", text, ratio <= 1.2, "≤ 1.2")
    wall = sum(curve.points[-1].wall - curve.points[0].wall for curve in phases.values())
    report.add("queued", f"{requests:,} requests, the three phases one after another", f"{requests / wall:.0f} a second")


def _by(curve: Curve, part: int) -> list[Any]:
    low, high = curve.points[0].done + part, curve.points[-1].done
    return [curve.at(low + step * part / 2) for step in range(int((high - low) / (part / 2)) + 1)]


def _report_outcomes(report: Report, harness: Harness, requests: int, answers: dict[str, Any], consumer: Consumer) -> None:
    """Every request has one of its two places filled, and was announced once."""
    begun, cpu, times, keys = time.monotonic(), harness.cpu, [], Counter[str]()
    for page in harness.s3.get_paginator("list_objects_v2").paginate(Bucket=harness.bucket, Prefix="drain/"):
        times.append(time.monotonic() - begun)
        keys.update(f"s3://{harness.bucket}/{item['Key']}" for item in page.get("Contents", ()))
        begun = time.monotonic()
    ends = [(answer["OutputLocation"] in keys) + (answer["FailureLocation"] in keys) for answer in answers.values()]
    failures = sum("/failure/" in key for key in keys)
    once = ends.count(1) == requests == len(keys)
    report.bar(
        "queued", "requests with exactly one outcome in S3", f"{ends.count(1):,} ({failures} failures)", once, f"{requests:,}"
    )
    duplicates = sum(consumer.seen.values()) - len(consumer.seen)
    text = f"{len(consumer.seen):,} ({duplicates} twice)"
    right = len(consumer.seen) == requests and not duplicates and consumer.locations == set(keys)
    report.bar("queued", "inference ids announced, each where its outcome is", text, right, f"{requests:,}")
    spent = (harness.cpu - cpu) / len(times) * 1e3
    text = f"{spent:.0f} ms CPU; wall: first {times[0] * 1e3:.0f} ms, last {times[-1] * 1e3:.0f} ms"
    report.add("queued", f"listing {len(keys):,} outcomes, a page of 1,000", text)


def _report_memory(report: Report, phases: dict[str, Curve], requests: int) -> None:
    accepted, computed, collected = phases.values()
    start = accepted.points[0].megabytes
    peak = max(point.megabytes for curve in phases.values() for point in curve.points)
    thousandth = computed.at(min(1_000, requests)).megabytes
    report.add("queued", "memory before the first request", f"{start:.0f} MB")
    report.add("queued", f"memory with {requests:,} waiting", f"{accepted.points[-1].megabytes:.0f} MB")
    report.add("queued", "memory after 1,000 outcomes", f"{thousandth:.0f} MB")
    report.add("queued", f"memory with {requests:,} outcomes and notifications held", f"{computed.points[-1].megabytes:.0f} MB")
    report.add("queued", "memory once all are collected", f"{collected.points[-1].megabytes:.0f} MB")
    report.add("queued", "peak memory", f"{peak:.0f} MB; {(peak - start) / requests * 1e3:.1f} KB a request")
