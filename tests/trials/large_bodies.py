"""Memory of the local AWS and of a model's process while a large request and a large response pass through.

`.venv/bin/python tests/trials/large_bodies.py [--mebibytes 300] [--single]` starts a local AWS, uploads an input (in parts, as
SDKs do, or with `--single` in one PUT), invokes a handler that answers with its size, and one that answers with the input, and
prints the peaks of resident memory above what each process had before. Linux only: the peaks are those of /proc.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.common import until
from support.in_process_aws import AwsHarness
from support.remote_aws import running
from support.sample_model import archive

MEBIBYTE = 1 << 20
HANDLER = """
import json
def peak():
    return next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
def model_fn(d): return peak()
def transform_fn(before, data, content_type, accept):
    if content_type == "application/x-echo":
        return data, accept
    return json.dumps({"bytes": len(data), "before": before, "peak": peak()}), accept
"""


def status(pid: int, name: str) -> int:
    """A figure of a process in MiB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) // 1024 for line in text.splitlines() if line.startswith(name))


@contextmanager
def growth(pid: int, what: str) -> Iterator[None]:
    before = status(pid, "VmRSS")
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # resets the peak
    yield
    print(
        f"{what}: peak +{status(pid, 'VmHWM') - before} MiB, afterwards +{status(pid, 'VmRSS') - before} MiB (before: {before})"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mebibytes", type=int, default=300)
    parser.add_argument("--single", action="store_true", help="upload in one PUT")
    options = parser.parse_args()
    size = options.mebibytes * MEBIBYTE
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "home", 600) as aws:
        harness = AwsHarness(aws, Path(folder))  # type: ignore[arg-type]
        limits = dict.fromkeys(("TS_MAX_REQUEST_SIZE", "TS_MAX_RESPONSE_SIZE"), str(1 << 31))
        deployed = harness.endpoint(archive(HANDLER), **limits)
        pid = aws.record.pid
        content = Path(folder, "input")
        with content.open("wb") as file:
            file.truncate(size)
        with growth(pid, "upload"):
            if options.single:
                with content.open("rb") as file:
                    harness.s3.put_object(Bucket=deployed.bucket, Key="large", Body=file)
            else:
                harness.s3.upload_file(str(content), deployed.bucket, "large")
        uri = f"s3://{deployed.bucket}/large"
        with growth(pid, "large input, small response"):
            answer = deployed.outcome(deployed.invoke(InputLocation=uri, ContentType="application/x")).document
        factor = (answer["peak"] - answer["before"]) / options.mebibytes
        print(f"handler: +{answer['peak'] - answer['before']} MiB for {answer['bytes'] // MEBIBYTE} MiB ({factor:.2f} times)")
        with growth(pid, "large input, large response"):
            invoked = deployed.invoke(InputLocation=uri, ContentType="application/x-echo", Accept="application/x")
            key = invoked.output.split("/", 3)[3]
            found = until(lambda: harness.s3.list_objects_v2(Bucket=deployed.bucket, Prefix=key).get("Contents"), "an output")
            assert found[0]["Size"] == size, found
    return 0


if __name__ == "__main__":
    sys.exit(main())
