"""Inputs that lie in S3 already: all objects below a prefix."""

from __future__ import annotations

from collections.abc import Iterator

from async_endpoint.aws import AwsSession, translate_errors
from async_endpoint.batch.item import Item, digest
from async_endpoint.client.objects import LIST_ACTION
from async_endpoint.core.limits import INPUT_OBJECT_BYTES
from async_endpoint.core.s3_uri import S3Uri


def below_prefix(session: AwsSession, prefix: str) -> Iterator[Item]:
    """Each object below an S3 prefix, a page of a thousand at a time; it is the endpoint's role that reads them.

    Names are what follows the prefix's last `/`. Objects that stand for folders (`…/`) are left out. Raises InvalidInput for
    what is no S3 URI, and what `translate_errors` raises when the prefix cannot be listed.
    """
    uri = S3Uri.parse(prefix)
    cut = uri.key.rfind("/") + 1
    with translate_errors(session, LIST_ACTION, prefix):
        pages = session.s3.get_paginator("list_objects_v2").paginate(Bucket=uri.bucket, Prefix=uri.key)
        for page in pages:
            for entry in page.get("Contents", ()):
                if not entry["Key"].endswith("/"):
                    yield _item(uri.bucket, entry["Key"], cut, entry)


def _item(bucket: str, key: str, cut: int, entry: dict[str, object]) -> Item:
    name, size = key[cut:], int(str(entry["Size"]))
    if size > INPUT_OBJECT_BYTES:
        return Item.invalid(name, f"s3://{bucket}/{key} has {size:,} bytes; an input has at most {INPUT_OBJECT_BYTES:,}.")
    return Item(name, f"s3://{bucket}/{key}", digest(str(entry["ETag"]), str(size)))
