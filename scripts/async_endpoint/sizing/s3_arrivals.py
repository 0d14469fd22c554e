"""Arrivals from the inputs that clients uploaded: an object's LastModified, to the second, is just before its request."""

from __future__ import annotations

from array import array
from typing import Any, Final

from async_endpoint.aws import AwsSession, translate_errors
from async_endpoint.capacity.arrivals.trace import Trace
from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.s3_uri import S3Uri

MAX_OBJECTS: Final = 1_000_000  # a thousand calls of ListObjectsV2
_CAVEAT: Final = (
    "Arrivals are upload times of the objects that are there now: requests sent inline (up to 128,000 bytes) leave none, those "
    "of one object count once, and lifecycle rules have removed old ones."
)


def s3_arrivals(session: AwsSession, uri: str) -> Trace:
    """A request for each object below `uri`. Raises InvalidInput without any, and beyond MAX_OBJECTS."""
    prefix = S3Uri.parse(uri)
    times = array("d")
    request: dict[str, Any] = {"Bucket": prefix.bucket, "Prefix": prefix.key}
    while True:
        with translate_errors(session, "s3:ListBucket", str(prefix)):
            page = session.s3.list_objects_v2(**request)
        # What ends in a slash is a folder that a console made.
        times.extend(item["LastModified"].timestamp() for item in page.get("Contents", ()) if not item["Key"].endswith("/"))
        if len(times) > MAX_OBJECTS:
            raise InvalidInput(f"{uri} has more than {MAX_OBJECTS:,} objects; give a longer prefix.")
        if not page.get("IsTruncated"):
            break
        request["ContinuationToken"] = page["NextContinuationToken"]
    if not times:
        raise InvalidInput(f"{uri} has no object; give a prefix of inputs that were uploaded.")
    return Trace(array("d", sorted(times)), f"{len(times):,} uploads below {uri}", notes=(_CAVEAT,))
