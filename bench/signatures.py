"""What verifying signatures costs: the CPU of small calls, by a server that verifies and by one that does not, in turn."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

from bench.harness import Harness
from bench.load import BODY
from bench.report import Report

TURN = 20  # calls
MAX_SHARE = 0.10
# Measured here alone: the gate of that process accepts every signature. No option of the local AWS does that.
UNVERIFIED = """
from async_endpoint.cli.app import main
from async_endpoint.emulator.auth.identities import local_user
from async_endpoint.emulator.auth.middleware import AuthMiddleware

caller = local_user("UNVERIFIED")
AuthMiddleware.refusal = lambda self, environ: None
AuthMiddleware._authenticate = lambda self, environ: caller
main()
"""
Call = Callable[[int], Any]


def measure(report: Report, calls: int) -> None:
    """Medians of the CPU of each kind of call. The servers take turns, so that what else the machine does meets both."""
    with Harness() as verified, Harness(program=UNVERIFIED) as unverified:
        servers = [(verified, _calls(verified)), (unverified, _calls(unverified))]
        for name in servers[0][1]:
            for harness, kinds in servers:
                _turn(harness, kinds[name])  # the first calls load what the later ones use
            turns: tuple[list[float], list[float]] = ([], [])
            for turn in range(calls // TURN):
                for number in (0, 1) if turn % 2 else (1, 0):
                    harness, kinds = servers[number]
                    turns[number].append(_turn(harness, kinds[name]))
            with_it, without = map(statistics.median, turns)
            share = with_it / without - 1
            shown = f"{share * 100:.1f} % ({with_it:.3f} ms with, {without:.3f} ms without)"
            report.bar("signatures", f"{name}, CPU of a call", shown, share <= MAX_SHARE, f"≤ {MAX_SHARE * 100:.0f} %")


def _calls(harness: Harness) -> dict[str, Call]:
    """Small calls of four services, each of which takes a number. The endpoint sleeps: nothing is computed meanwhile."""
    endpoint = harness.endpoint("signatures")
    endpoint.scale(0)
    endpoint.until_serving(0)
    queue = harness.sqs.create_queue(QueueName="signatures")["QueueUrl"]
    invoke = {"EndpointName": "signatures", "Body": BODY, "ContentType": "application/json"}
    return {
        "InvokeEndpointAsync": lambda number: harness.runtime.invoke_endpoint_async(**invoke),
        "PutObject": lambda number: harness.s3.put_object(Bucket=harness.bucket, Key=f"signatures/{number}", Body=BODY),
        "SendMessage": lambda number: harness.sqs.send_message(QueueUrl=queue, MessageBody=BODY.decode()),
        "DescribeEndpoint": lambda number: harness.sagemaker.describe_endpoint(EndpointName="signatures"),
    }


def _turn(harness: Harness, call: Call) -> float:
    """Milliseconds of the server's CPU a call, over a turn of calls."""
    before = harness.exact_cpu
    for number in range(TURN):
        call(number)
    return (harness.exact_cpu - before) / TURN * 1e3
