"""What verifying signatures costs: the CPU of small calls, by a server that verifies and by one that does not, in turn."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

from bench.load import BODY
from bench.report import Report
from bench.stand import Stand

TURN = 20  # calls
MAX_SHARE = 0.10
# Measured here alone: the gate of that process takes every signature for a good one. No option of the local AWS does that.
UNVERIFIED = """
from async_endpoint.cli.app import main
from async_endpoint.emulator.auth.caller import local_user
from async_endpoint.emulator.auth.middleware import AuthMiddleware

caller = local_user("UNVERIFIED")
AuthMiddleware.refusal = lambda self, environ: None
AuthMiddleware._authenticate = lambda self, environ: caller
main()
"""
Call = Callable[[int], Any]


def measure(report: Report, calls: int) -> None:
    """Medians of the CPU of each kind of call. The servers take turns, so that what else the machine does meets both."""
    with Stand() as verified, Stand(program=UNVERIFIED) as unverified:
        servers = [(verified, _calls(verified)), (unverified, _calls(unverified))]
        for name in servers[0][1]:
            for stand, kinds in servers:
                _turn(stand, kinds[name])  # the first calls load what the later ones use
            turns: tuple[list[float], list[float]] = ([], [])
            for turn in range(calls // TURN):
                for number in (0, 1) if turn % 2 else (1, 0):
                    stand, kinds = servers[number]
                    turns[number].append(_turn(stand, kinds[name]))
            with_it, without = map(statistics.median, turns)
            share = with_it / without - 1
            shown = f"{share * 100:.1f} % ({with_it:.3f} ms with, {without:.3f} ms without)"
            report.bar("signatures", f"{name}, CPU of a call", shown, share <= MAX_SHARE, f"≤ {MAX_SHARE * 100:.0f} %")


def _calls(stand: Stand) -> dict[str, Call]:
    """Small calls of four services, each of which takes a number. The endpoint sleeps: nothing is computed meanwhile."""
    endpoint = stand.endpoint("signatures")
    endpoint.scale(0)
    endpoint.until_serving(0)
    queue = stand.sqs.create_queue(QueueName="signatures")["QueueUrl"]
    invoke = {"EndpointName": "signatures", "Body": BODY, "ContentType": "application/json"}
    return {
        "InvokeEndpointAsync": lambda number: stand.runtime.invoke_endpoint_async(**invoke),
        "PutObject": lambda number: stand.s3.put_object(Bucket=stand.bucket, Key=f"signatures/{number}", Body=BODY),
        "SendMessage": lambda number: stand.sqs.send_message(QueueUrl=queue, MessageBody=BODY.decode()),
        "DescribeEndpoint": lambda number: stand.sagemaker.describe_endpoint(EndpointName="signatures"),
    }


def _turn(stand: Stand, call: Call) -> float:
    """Milliseconds of the server's CPU a call, over a turn of calls."""
    before = stand.exact_cpu
    for number in range(TURN):
        call(number)
    return (stand.exact_cpu - before) / TURN * 1e3
