"""Probes of Amazon S3: preflights, bodies of two lengths, checksums, and the deletion of buckets."""

from __future__ import annotations

import base64
import hashlib
import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from parity.account import Account
from parity.probe import Cost, Observation, check, compare, probe, undecided

ALLOWED, FOREIGN = "https://allowed.example", "https://foreign.example"


def bucket_with_cors(aws: Account) -> str:
    """A bucket that lets one origin read its object `object`."""

    def make() -> str:
        bucket = aws.make_bucket()
        rule = {"AllowedOrigins": [ALLOWED], "AllowedMethods": ["GET"], "AllowedHeaders": ["*"]}
        aws.s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
        aws.s3.put_object(Bucket=bucket, Key="object", Body=b"content")
        return bucket

    return aws.shared("bucket with CORS", make)


def ask(url: str, method: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, dict[str, str]]:
    """(status, headers by lower-case name) of a request that is sent exactly as given."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    connection = (http.client.HTTPSConnection if secure else http.client.HTTPConnection)(parts.netloc, timeout=30)
    try:
        connection.putrequest(method, f"{parts.path}?{parts.query}", skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body or None)
        answer = connection.getresponse()
        answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()


@probe(
    "A1",
    seconds=120,
    cost=Cost(requests=6),
    deviation="S3 refuses a presigned request of an origin that no rule names",
    stricter_locally="other origins may not read what a page of this machine's browser asks for",
)
def origin_without_a_rule(aws: Account) -> Iterator[Observation]:
    """A presigned request of an origin that no rule names is served, without CORS headers."""
    url = aws.s3.generate_presigned_url("get_object", {"Bucket": bucket_with_cors(aws), "Key": "object"})
    status, headers = ask(url, "GET", {"Origin": FOREIGN})
    yield compare("A1", expected=(200, False), observed=(status, "access-control-allow-origin" in headers))


@probe("A2", seconds=120, cost=Cost(requests=6), deviation="a preflight's response has no Access-Control-Allow-Credentials")
def preflight(aws: Account) -> Iterator[Observation]:
    """A preflight is answered with credentials allowed and the requested headers in lower case."""
    url = aws.s3.generate_presigned_url("get_object", {"Bucket": bucket_with_cors(aws), "Key": "object"})
    wanted = {"Origin": ALLOWED, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "X-Probe"}

    def look() -> tuple[str, str] | None:
        status, headers = ask(url, "OPTIONS", wanted)
        names = ("access-control-allow-credentials", "access-control-allow-headers")
        return (headers.get(names[0], ""), headers.get(names[1], "")) if status == 200 else None

    seen = aws.until(look, "the preflight is answered with 200", 120)
    yield compare("A2", expected=("true", "x-probe"), observed=seen)


@probe("A5", seconds=60, cost=Cost(requests=4), deviation="S3 stores an object that was sent with a length and in chunks")
def two_lengths(aws: Account) -> Iterator[Observation]:
    """A request with Content-Length and Transfer-Encoding is refused, and nothing is stored."""
    key = aws.name("object")
    url = aws.s3.generate_presigned_url("put_object", {"Bucket": aws.bucket, "Key": key})
    control, _ = ask(url, "PUT", {"Content-Length": "7"}, b"control")
    aws.s3.delete_object(Bucket=aws.bucket, Key=key)
    if control != 200:
        yield undecided("A5", f"a request with one length is answered with {control}")
        return
    try:
        status, _ = ask(url, "PUT", {"Content-Length": "5", "Transfer-Encoding": "chunked"}, b"0\r\n\r\n")
    except (OSError, http.client.HTTPException):
        status = 0  # the connection was closed
    stored = aws.s3.list_objects_v2(Bucket=aws.bucket, Prefix=key)["KeyCount"]
    yield check("A5", not 200 <= status < 300 and not stored, expected="refused, 0 objects", observed=f"{status}, {stored}")


@probe("A3", seconds=60, cost=Cost(requests=4), deviation="SageMaker answers a body of 17 MiB with a ValidationException")
def oversized_body(aws: Account) -> Iterator[Observation]:
    """SageMaker's control plane answers a body above its limit with RequestEntityTooLarge (413)."""
    client, observed = aws.unguarded("sagemaker"), ("accepted", 200)
    try:
        client.list_models(NextToken="x" * (17 * 1_048_576))
    except ClientError as error:
        observed = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
    yield compare("A3", expected=("RequestEntityTooLarge", 413), observed=observed)


@probe("A54", seconds=60, cost=Cost(requests=6), deviation="DeleteBucket is refused while an upload is in progress")
def bucket_with_an_upload_in_progress(aws: Account) -> Iterator[Observation]:
    """A bucket with an upload in progress can be deleted, and the upload is lost with it."""
    bucket = aws.make_bucket()
    aws.s3.create_multipart_upload(Bucket=bucket, Key="upload")
    yield compare("A54", expected="accepted", observed=aws.attempt(aws.s3.delete_bucket, Bucket=bucket))


@probe(
    "A63", seconds=60, cost=Cost(requests=6), deviation="HeadObject has no ChecksumSHA256 of an object that was put with one"
)
def checksums(aws: Account) -> Iterator[Observation]:
    """HeadObject returns the SHA-256 of an object that was put with one, and none for another."""
    body = b"an object with a checksum"
    for key, more in (("with", {"ChecksumAlgorithm": "SHA256"}), ("without", {"ChecksumAlgorithm": "CRC32"})):
        aws.s3.put_object(Bucket=aws.bucket, Key=f"checksum/{key}", Body=body, **more)
    heads = [
        aws.s3.head_object(Bucket=aws.bucket, Key=f"checksum/{key}", ChecksumMode="ENABLED") for key in ("with", "without")
    ]
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    yield compare("A63", expected=[digest, None], observed=[head.get("ChecksumSHA256") for head in heads])
