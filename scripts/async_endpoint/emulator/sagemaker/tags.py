"""Tags of SageMaker's resources: those of hosting, and those of the model registry, which moto stores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from async_endpoint.emulator.sagemaker.protocol import validation_exception

MAX_TAGS = 50  # of a resource (AWS General Reference, "Tag naming limits and requirements")
RESERVED = "aws:"  # the prefix of keys that only AWS sets (the same page)

Pairs = list[dict[str, str]]


def merge(current: Mapping[str, str], given: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """`current` with the tags of a request; raises ValidationException for keys that are reserved, repeated or too many.

    The texts are the local AWS's.
    """
    pairs = list(given or ())
    keys = [pair["Key"] for pair in pairs]
    repeated = sorted({key for key in keys if keys.count(key) > 1})
    if repeated:
        raise validation_exception(f"Each tag key must be given once; found {', '.join(repeated)} more than once.")
    reserved = [key for key in keys if key.lower().startswith(RESERVED)]
    if reserved:
        raise validation_exception(f"Tag keys that begin with {RESERVED} are reserved for AWS; found {', '.join(reserved)}.")
    merged = {**current, **{pair["Key"]: pair["Value"] for pair in pairs}}
    if len(merged) > MAX_TAGS:
        raise validation_exception(f"A resource has at most {MAX_TAGS} tags; this one would have {len(merged)}.")
    return merged


def as_pairs(tags: Mapping[str, str]) -> Pairs:
    """Tags as the API lists them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def from_pairs(pairs: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """Tags by key."""
    return {pair["Key"]: pair["Value"] for pair in pairs or ()}
