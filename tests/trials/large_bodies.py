"""Memory of the local AWS, and of a model's process, while large objects and large requests pass through.

`.venv/bin/python tests/trials/large_bodies.py [--mebibytes 300] [--only WORD]` starts a local AWS, writes, copies and reads an
object in each way that S3 has, invokes a handler that answers with the size of its input, and one that answers with the input.
It prints the peaks of resident memory above what each process had before. Linux only: the peaks are those of /proc.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import http.client
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.common import until
from support.in_process_aws import AwsHarness
from support.remote_aws import running
from support.sample_model import archive
from support.signing import Call

MEBIBYTE = 1 << 20
BLOCK = bytes(MEBIBYTE)
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
    before, started = status(pid, "VmRSS"), time.perf_counter()
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # resets the peak
    yield
    peak, after = status(pid, "VmHWM") - before, status(pid, "VmRSS") - before
    seconds = time.perf_counter() - started
    print(f"{what}: peak +{peak} MiB, afterwards +{after} MiB (before: {before}), {seconds:.1f} s", flush=True)


class Objects:
    """The ways to write, copy and read an object of `mebibytes`, by name, in an order in which each finds what it needs."""

    def __init__(self, harness: AwsHarness, bucket: str, content: Path, mebibytes: int) -> None:
        self.harness, self.s3, self.bucket, self.content, self.mebibytes = harness, harness.s3, bucket, content, mebibytes
        self.size = mebibytes * MEBIBYTE

    def steps(self) -> dict[str, Callable[[], Any]]:
        return {
            "upload in parts": lambda: self.s3.upload_file(str(self.content), self.bucket, "large"),
            "upload in parts with SHA256": lambda: self.s3.upload_file(
                str(self.content), self.bucket, "hashed", ExtraArgs={"ChecksumAlgorithm": "SHA256"}
            ),
            "upload in one part": self.one_part,
            "single PUT": self.put,
            "single PUT with Content-MD5": lambda: self.put(ContentMD5=base64.b64encode(self.digest("md5")).decode()),
            "single PUT, aws-chunked": self.put_chunks,
            "form": self.post_form,
            "CopyObject": lambda: self.s3.copy_object(
                Bucket=self.bucket, Key="copy", CopySource=f"{self.bucket}/large", ChecksumAlgorithm="SHA1"
            ),
            "UploadPartCopy": self.copy_part,
            "GetObject": lambda: self.read("large", self.size),
            "GetObject of a range": lambda: self.read("copied", self.size - 2, Range="bytes=1-" + str(self.size - 2)),
            "10 x GetObject in threads": lambda: self.s3.download_file(self.bucket, "large", str(self.content) + ".down"),
        }

    def digest(self, name: str) -> bytes:
        digest = hashlib.new(name)
        for _ in range(self.mebibytes):
            digest.update(BLOCK)
        return digest.digest()

    def put(self, **options: Any) -> None:
        with self.content.open("rb") as file:
            self.s3.put_object(Bucket=self.bucket, Key="single", Body=file, **options)

    def one_part(self) -> None:
        upload = {"Bucket": self.bucket, "Key": "one"}
        upload["UploadId"] = self.s3.create_multipart_upload(**upload)["UploadId"]
        with self.content.open("rb") as file:
            put = self.s3.upload_part(**upload, PartNumber=1, Body=file)
        self.complete(upload, put["ETag"])

    def copy_part(self) -> None:
        upload = {"Bucket": self.bucket, "Key": "copied"}
        upload["UploadId"] = self.s3.create_multipart_upload(**upload)["UploadId"]
        part = self.s3.upload_part_copy(**upload, PartNumber=1, CopySource=f"{self.bucket}/large")
        self.complete(upload, part["CopyPartResult"]["ETag"])

    def complete(self, upload: dict[str, Any], etag: str) -> None:
        self.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})

    def put_chunks(self) -> None:
        headers = {
            "X-Amz-Content-SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "Content-Encoding": "aws-chunked",
            "X-Amz-Decoded-Content-Length": str(self.size),
            "X-Amz-Trailer": "x-amz-checksum-sha256",
        }
        chunk = f"{MEBIBYTE:x}\r\n".encode() + BLOCK + b"\r\n"
        end = b"0\r\nx-amz-checksum-sha256:" + base64.b64encode(self.digest("sha256")) + b"\r\n\r\n"
        signed = Call(self.harness, "PUT", f"/{self.bucket}/chunked", b"", headers).signed()
        length = len(chunk) * self.mebibytes + len(end)
        self.send("PUT", signed.target, signed.headers, chain([chunk] * self.mebibytes, [end]), length)

    def post_form(self) -> None:
        form = self.harness.client("s3", signature_version="s3v4").generate_presigned_post(self.bucket, "form")
        edge, field = "edge", '--edge\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n{}'
        head = "".join(field.format(name, "", value) + "\r\n" for name, value in form["fields"].items())
        before = (head + field.format("file", '; filename="f"', "")).encode()
        after = b"\r\n--edge--\r\n"
        headers = {"Content-Type": f"multipart/form-data; boundary={edge}"}
        blocks = chain([before], [BLOCK] * self.mebibytes, [after])
        self.send("POST", urlsplit(form["url"]).path, headers, blocks, len(before) + self.size + len(after))

    def send(self, method: str, target: str, headers: dict[str, str], blocks: Iterator[bytes], length: int) -> None:
        connection = http.client.HTTPConnection(urlsplit(self.harness.url).netloc, timeout=120)
        connection.request(method, target, blocks, headers | {"Content-Length": str(length)})
        answer = connection.getresponse()
        assert answer.status in (200, 204), answer.read()
        connection.close()

    def read(self, key: str, expected: int, **options: Any) -> None:
        body = self.s3.get_object(Bucket=self.bucket, Key=key, **options)["Body"]
        assert sum(map(len, body.iter_chunks(MEBIBYTE))) == expected


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mebibytes", type=int, default=300)
    parser.add_argument("--only", default="", help="a word of the names of the steps to make")
    options = parser.parse_args()
    size = options.mebibytes * MEBIBYTE
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "home", 600) as aws:
        harness = AwsHarness(aws, Path(folder))  # type: ignore[arg-type]
        pid, bucket, content = aws.record.pid, harness.bucket(), Path(folder, "input")
        with content.open("wb") as file:
            file.truncate(size)
        for name, step in Objects(harness, bucket, content, options.mebibytes).steps().items():
            if options.only in name:
                with growth(pid, name):
                    step()
        if not options.only:
            invoke(harness, pid, f"s3://{bucket}/large", options.mebibytes)
    return 0


def invoke(harness: AwsHarness, pid: int, uri: str, mebibytes: int) -> None:
    """Invoke with a large input, for a small response and for a large one."""
    limits = dict.fromkeys(("TS_MAX_REQUEST_SIZE", "TS_MAX_RESPONSE_SIZE"), str(1 << 31))
    deployed = harness.endpoint(archive(HANDLER), **limits)
    bucket = deployed.bucket
    harness.s3.copy_object(Bucket=bucket, Key="large", CopySource=uri.removeprefix("s3://"))
    uri = f"s3://{bucket}/large"
    with growth(pid, "large input, small response"):
        answer = deployed.outcome(deployed.invoke(InputLocation=uri, ContentType="application/x")).document
    factor = (answer["peak"] - answer["before"]) / mebibytes
    print(f"handler: +{answer['peak'] - answer['before']} MiB for {answer['bytes'] // MEBIBYTE} MiB ({factor:.2f} times)")
    with growth(pid, "large input, large response"):
        invoked = deployed.invoke(InputLocation=uri, ContentType="application/x-echo", Accept="application/x")
        key = invoked.output.split("/", 3)[3]
        found = until(lambda: harness.s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents"), "an output")
        assert found[0]["Size"] == mebibytes * MEBIBYTE, found


if __name__ == "__main__":
    sys.exit(main())
