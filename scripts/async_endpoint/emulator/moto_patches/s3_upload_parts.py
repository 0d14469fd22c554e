"""Parts and checksums that CompleteMultipartUpload states, and reads of one part.

moto ignores the checksums, the order of the parts, and the number of the part that is read. Sources: API reference,
CompleteMultipartUpload, UploadPart and GetObject (partNumber); texts as LocalStack's provider of S3, compared with AWS, and
minio's table of errors have them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final
from xml.dom import minidom
from xml.parsers.expat import ExpatError

from moto.s3.exceptions import InvalidArgumentError, InvalidPart, InvalidPartOrder, MalformedXML, NoSuchUpload, S3ClientError
from moto.s3.models import FakeKey, FakeMultipart
from moto.s3.responses import S3Response

from async_endpoint.emulator import s3_checksums
from async_endpoint.emulator.container import payload
from async_endpoint.emulator.moto_patches import s3_large_objects
from async_endpoint.emulator.s3_object_body import body_of

MAX_PARTS: Final = 10_000
_SIZE: Final = "x-amz-mp-object-size"
_head_object = S3Response.head_object
_upload_part = S3Response.upload_part


class InvalidPartNumber(S3ClientError):  # type: ignore[misc]
    code = "InvalidPartNumber"
    status_code = 416

    def __init__(self, number: int, count: int) -> None:
        super().__init__("The requested partnumber is not satisfiable")
        self.part_number_requested = str(number)
        self.actual_part_count = str(count)


# --- Completion -------------------------------------------------------------------------------------------------------


def _upload_of(self: S3Response) -> FakeMultipart:
    upload_id = str(self._get_param("uploadId"))
    upload = self.backend.get_bucket(self.bucket_name).multiparts.get(upload_id)
    if upload is None:
        raise NoSuchUpload(upload_id=upload_id)
    return upload


def complete_body(self: S3Response, body: bytes) -> Iterator[tuple[int, str]]:
    """Number and ETag of each part that the request names; raises S3ClientError for what does not fit the upload."""
    upload = _upload_of(self)
    try:
        named = [_part(element) for element in minidom.parseString(body).getElementsByTagName("Part")]
    except (AttributeError, ExpatError, IndexError, ValueError):
        raise MalformedXML from None
    numbers = [number for number, _, _ in named]
    if numbers != sorted(set(numbers)):
        raise InvalidPartOrder
    for number, _, stated in named:
        _check_part(upload, number, stated)
    size = sum(upload.parts[number].contentsize for number in numbers if number in upload.parts)
    if _SIZE in self.headers and self.headers[_SIZE] != str(size):
        message = f"The provided '{_SIZE}' header value {self.headers[_SIZE]} does not match what was computed: {size}"
        raise S3ClientError("InvalidRequest", message)
    return iter([(number, etag) for number, etag, _ in named])


def _part(element: Any) -> tuple[int, str, dict[str, str]]:
    """Number, ETag and checksums by algorithm of one part."""
    fields = {
        child.tagName.rpartition(":")[2]: child.firstChild.data.strip()
        for child in element.childNodes
        if child.nodeType == child.ELEMENT_NODE and child.firstChild is not None
    }
    if not {"PartNumber", "ETag"} <= set(fields):
        raise MalformedXML
    stated = {name.removeprefix("Checksum"): value for name, value in fields.items() if name.startswith("Checksum")}
    return int(fields["PartNumber"]), fields["ETag"], stated


def _check_part(upload: FakeMultipart, number: int, stated: dict[str, str]) -> None:
    part, algorithm = upload.parts.get(number), _algorithm(upload)
    if part is None or (stated and algorithm is None):
        raise InvalidPart
    if algorithm is None:
        return
    value = stated.get(algorithm)
    if value is None and _is_composite(upload, algorithm):
        name = algorithm.lower()
        raise S3ClientError(
            "InvalidRequest",
            f"The upload was created using a {name} checksum. The complete request must include the checksum for each part. "
            f"It was missing for part {number} in the request.",
        )
    if value is not None and s3_checksums.is_computable(algorithm) and value != _checksum(part, algorithm):
        raise InvalidPart


def _checksum(part: FakeKey, algorithm: str) -> str:
    content = body_of(part)
    return s3_checksums.encoded(payload.of(part.value) if content is None else content, algorithm)


def _algorithm(upload: FakeMultipart) -> str | None:
    """The algorithm that the upload was created with."""
    return (upload.metadata.get("x-amz-checksum-algorithm") or "").upper() or None


def _is_composite(upload: FakeMultipart, algorithm: str) -> bool:
    kind = upload.metadata.get("x-amz-checksum-type") or ("FULL_OBJECT" if algorithm == "CRC64NVME" else "COMPOSITE")
    return bool(kind == "COMPOSITE")


def _complete(self: FakeMultipart, body: Iterable[tuple[int, str]]) -> Any:
    """Complete an upload, and keep the sizes of the parts that it consists of, in order."""
    chosen = list(body)
    completed = s3_large_objects.complete(self, iter(chosen))
    self.completed_sizes = [self.parts[number].contentsize for number, _ in chosen]
    return completed


def _upload_part_checked(self: S3Response) -> Any:
    wanted = _algorithm(_upload_of(self))
    stated = self.headers.get("x-amz-sdk-checksum-algorithm", "").upper()
    if wanted is not None and stated not in ("", wanted):
        raise S3ClientError(
            "InvalidRequest",
            f"Checksum Type mismatch occurred, expected checksum Type: {wanted.lower()}, "
            f"actual checksum Type: {stated.lower()}",
        )
    return _upload_part(self)


# --- Reads of one part ------------------------------------------------------------------------------------------------


def _requested_part(self: S3Response) -> int | None:
    """The number of the part that a request is for; raises S3ClientError for an impossible one."""
    stated = self._get_param("partNumber")
    if stated is None:
        return None
    if not (str(stated).isdecimal() and 1 <= int(stated) <= MAX_PARTS):
        message = f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive"
        raise InvalidArgumentError(message, "partNumber", str(stated))
    if "range" in self.headers:
        raise S3ClientError("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
    return int(stated)


def _extent(self: S3Response, number: int) -> tuple[int, int, int, int | None]:
    """Start, end and total size in bytes of a part, and the number of parts; None of an object that has none."""
    key = self.backend.get_object(self.bucket_name, self.parse_key_name(), version_id=self._get_param("versionId"))
    sizes = getattr(key.multipart, "completed_sizes", None) if key.multipart else None
    bounds = sizes or [key.size]
    if number > len(bounds):
        raise InvalidPartNumber(number, len(bounds))
    start = sum(bounds[: number - 1])
    return start, start + bounds[number - 1], sum(bounds), len(sizes) if sizes else None


def _headers(headers: dict[str, Any], start: int, end: int, total: int, count: int | None) -> dict[str, Any]:
    kept = {name: value for name, value in headers.items() if not (count and name.startswith("x-amz-checksum-"))}
    kept |= {"content-range": f"bytes {start}-{end - 1}/{total}", "content-length": str(end - start)}
    return kept | ({"x-amz-mp-parts-count": str(count)} if count else {})


def _get_part(self: S3Response, query: dict[str, Any], key_name: str) -> Any:
    number = None if "uploadId" in query else _requested_part(self)
    if number is None:
        return s3_large_objects.get(self, query, key_name)
    self.querystring.pop("partNumber")  # moto's answer is the whole object
    status, headers, content = s3_large_objects.get(self, query, key_name)
    if status != 200:
        return status, headers, content
    start, end, total, count = _extent(self, number)
    return 206, _headers(headers, start, end, total, count), content[start:end]


def _head_part(self: S3Response, bucket_name: str, query: dict[str, Any], key_name: str, headers: Any) -> Any:
    number = _requested_part(self)
    rest = {name: value for name, value in query.items() if name != "partNumber"}
    status, found, body = _head_object(self, bucket_name, rest, key_name, headers=headers)
    if number is None or status != 200:
        return status, found, body
    try:
        extent = _extent(self, number)
    except InvalidPartNumber:
        return 416, {}, ""
    return 206, _headers(found, *extent), body


def apply() -> None:
    S3Response._complete_multipart_body = complete_body
    S3Response.upload_part = _upload_part_checked
    S3Response._key_response_get = _get_part
    S3Response.head_object = _head_part
    FakeMultipart.complete = _complete
