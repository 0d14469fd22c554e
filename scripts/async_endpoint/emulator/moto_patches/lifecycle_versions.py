"""NewerNoncurrentVersions of lifecycle rules. moto drops it, and Terraform waits for it until its time-out."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

_set = FakeBucket.set_lifecycle
_get = S3Response.get_bucket_lifecycle


def _set_lifecycle(self: FakeBucket, rules: list[dict[str, Any]]) -> None:
    _set(self, rules)
    for given, kept in zip(rules, self.rules, strict=True):
        kept.newer_versions = (given.get("NoncurrentVersionExpiration") or {}).get("NewerNoncurrentVersions")


def _get_bucket_lifecycle(self: S3Response) -> Any:
    serialized = self.serialized

    def completed(answer: ActionResult) -> Any:
        rules = self.backend.get_bucket_lifecycle(self.bucket_name)
        for kept, shown in zip(rules, answer.result["Rules"], strict=True):
            if vars(kept).get("newer_versions"):
                shown["NoncurrentVersionExpiration"]["NewerNoncurrentVersions"] = kept.newer_versions
        return serialized(answer)

    self.serialized = completed
    try:
        return _get(self)
    finally:
        del self.serialized


def apply() -> None:
    FakeBucket.set_lifecycle = _set_lifecycle
    S3Response.get_bucket_lifecycle = _get_bucket_lifecycle
