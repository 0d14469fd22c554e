"""What verifying signatures costs: the CPU of small calls, by a server that verifies and by one that does not, in turn."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

from bench.load import BODY, together
from bench.program import client
from bench.report import Report
from bench.stand import Stand

ROUNDS = 8
THREADS = 2
MAX_SHARE = 0.10
# Measured here alone: the gate of that process takes every signature for a good one. No option of the local AWS does that.
UNVERIFIED = """
from async_endpoint.cli.app import main
from async_endpoint.local.auth.caller import local_user
from async_endpoint.local.auth.gate import Gate

caller = local_user("UNVERIFIED")
Gate.refusal = lambda self, environ: None
Gate._authenticate = lambda self, environ: caller
main()
"""
Call = Callable[[int], Any]


def measure(report: Report, calls: int) -> None:
    """The CPU of each kind of call, summed over rounds that alternate between the two servers; the first one warms up."""
    with Stand() as verified, Stand(program=UNVERIFIED) as unverified:
        on, off = _calls(verified), _calls(unverified)
        for name in on:
            rounds = [(_cost(verified, on[name], calls), _cost(unverified, off[name], calls)) for _ in range(ROUNDS + 1)]
            with_it, without = (statistics.mean(side) for side in zip(*rounds[1:], strict=True))
            share = with_it / without - 1
            told = f"{share * 100:.1f} % ({with_it:.3f} ms with, {without:.3f} ms without)"
            report.bar("signatures", f"{name}, CPU of a call", told, share <= MAX_SHARE, f"≤ {MAX_SHARE * 100:.0f} %")


def _calls(stand: Stand) -> dict[str, Call]:
    """Small calls of four services, each of which takes the number of the call."""
    stand.endpoint("signatures")
    s3, sqs, sagemaker = stand.s3, stand.sqs, client(stand.credentials, "sagemaker")
    queue = sqs.create_queue(QueueName="signatures")["QueueUrl"]
    return {
        "InvokeEndpointAsync": lambda number: stand.runtime.invoke_endpoint_async(
            EndpointName="signatures", Body=BODY, ContentType="application/json"
        ),
        "PutObject": lambda number: s3.put_object(Bucket=stand.bucket, Key=f"signatures/{number % 100}", Body=BODY),
        "SendMessage": lambda number: sqs.send_message(QueueUrl=queue, MessageBody=BODY.decode()),
        "DescribeEndpoint": lambda number: sagemaker.describe_endpoint(EndpointName="signatures"),
    }


def _cost(stand: Stand, call: Call, calls: int) -> float:
    """Milliseconds of the server's CPU a call."""
    before = stand.cpu
    together(call, range(calls), THREADS)
    return (stand.cpu - before) / calls * 1e3
