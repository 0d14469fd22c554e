"""S3 URIs, and the https addresses of S3 that SageMaker accepts in their place."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote

from async_endpoint.core.errors import InvalidInput

_URI = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<key>.*))?", re.DOTALL)
# Virtual-hosted and path-style addresses, global, regional, dual-stack and FIPS (S3 user guide, "Methods for accessing a
# bucket" and "Using dual-stack endpoints"); a hyphen before the region is the legacy form.
_HTTPS = re.compile(
    r"https://(?:(?P<bucket>[^/]+)\.)?s3(?:-fips)?(?:\.dualstack)?(?:[.-][a-z0-9-]+)?\.amazonaws\.com(?:/(?P<path>.*))?",
    re.DOTALL,
)


@dataclass(frozen=True)
class S3Uri:
    """`s3://bucket/key`; `key` may be empty, or end in `/` for a prefix.

    `address` is what stands before the slash and the key: empty, or the https address of the bucket that was parsed.
    """

    bucket: str
    key: str = ""
    address: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str) -> S3Uri:
        """Parse `s3://bucket[/key]`, or an https address of S3, virtual-hosted or path-style; raise InvalidInput for others."""
        uri = _as_s3(text)
        match = _URI.fullmatch(uri)
        if match is None:
            raise InvalidInput(
                f"{text!r} is not an S3 URI; write it as s3://bucket/key, with a bucket name of 3 to 63 lower-case characters."
            )
        key = match["key"] or ""
        return cls(match["bucket"], key, "" if uri == text else _bucket_address(text, match["bucket"]))

    def join(self, *parts: str) -> S3Uri:
        """A URI below this one: `s3://b/out` joined with `x.out` is `s3://b/out/x.out`."""
        segments = [self.key.rstrip("/"), *(part.strip("/") for part in parts)]
        return replace(self, key="/".join(segment for segment in segments if segment))

    @property
    def arn(self) -> str:
        """The object's ARN in the `aws` partition, as IAM policies name it."""
        return f"arn:aws:s3:::{self.bucket}/{self.key}"

    @property
    def bucket_arn(self) -> str:
        return f"arn:aws:s3:::{self.bucket}"

    def __str__(self) -> str:
        return f"{self.address}/{quote(self.key)}" if self.address else f"s3://{self.bucket}/{self.key}"


def _as_s3(text: str) -> str:
    """The `s3://` form of an https address of S3; any other text unchanged."""
    match = _HTTPS.fullmatch(text)
    if match is None:
        return text
    path = unquote(match["path"] or "")
    return f"s3://{match['bucket']}/{path}" if match["bucket"] else f"s3://{path}"


def _bucket_address(text: str, bucket: str) -> str:
    """The part of an https address of S3 that names its bucket: the host, and in path style the first segment."""
    host = "/".join(text.split("/")[:3])
    return host if host.startswith(f"https://{bucket}.s3") else f"{host}/{bucket}"
