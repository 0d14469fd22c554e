"""Where results of an asynchronous endpoint go, as arguments `notifications` and `storage` of module async-inference."""

from __future__ import annotations

from typing import Any, Final

from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.deploy.live_adoption.adopted_call import AdoptedCall
from async_endpoint.deploy.live_adoption.resources import LiveResource

_PREFIXES: Final = {
    "credentials": "credentials/",
    "failure": "failure/",
    "input": "input/",
    "model": "model/",
    "output": "output/",
    "predictions": "predictions/",
}


def notification_settings(call: AdoptedCall) -> dict[str, Any] | None:
    missing = [outcome for outcome in ("error", "success") if outcome not in call.inventory.topics]
    if missing:
        call.changes.append(
            f"SageMaker publishes {' and '.join(missing)} notifications too, to {'a topic' if len(missing) == 1 else 'topics'} "
            "that the module creates."
        )
    if not call.inventory.topics:
        return None
    referenced: dict[str, Any] = {}
    imported: dict[str, LiveResource] = {}
    for outcome, topic in sorted(call.inventory.topics.items(), reverse=True):
        resource, why = topic.resource, call.sharing.topics.get(topic.resource.arn)
        if why:
            referenced[outcome] = {"arn": resource.arn, "kms_key_arn": topic.key_arn}
            call.kept.append(f"Topic {resource.name} ({outcome}) is referenced and never changed: {why}.")
            continue
        call.names[f"{outcome}_topic"] = resource.name
        if resource.arn not in [one.arn for one in imported.values()]:  # one topic for both outcomes is that of success
            imported[outcome] = resource
    for outcome, resource in imported.items():
        call.add(f'module.notifications.aws_sns_topic.imported["{outcome}"]', resource)
        call.changes.append(
            f"Topic {resource.name} is imported as it is, with its policy, encryption and subscriptions; the module's results "
            "queue is subscribed to it. A destroy deletes it."
        )
    if len(referenced) == 2 and referenced["error"] == referenced["success"]:
        referenced = {"both": referenced["success"]}
    included = (call.inventory.output.get("NotificationConfig") or {}).get("IncludeInferenceResponseIn") or []
    return {
        "include_response_in": sorted(included),
        "replace_topic_policies": False if imported else None,
        "topics": referenced or None,
    }


def storage_settings(call: AdoptedCall) -> dict[str, Any]:
    bucket, why = call.inventory.bucket, call.sharing.bucket
    assert bucket is not None
    existing: dict[str, Any] = {"key": {"arn": call.key_arn}} if call.key_arn else {}
    settings: dict[str, Any] = {}
    if why:
        existing["bucket"] = {"name": bucket.name}
        call.kept.append(f"Bucket {bucket.name} is referenced and never changed: {why}.")
    else:
        call.names["bucket"] = bucket.name
        settings["bucket_settings"] = []
        call.add("module.storage[0].aws_s3_bucket.imported[0]", bucket)
        call.changes.append(
            f"Bucket {bucket.name} is imported, and nothing of its policy, encryption, versioning, lifecycle and access "
            "changes (bucket_settings = []). A destroy deletes it, where it is empty."
        )
    if not call.key_arn:
        settings["key_admits_account"] = True
        call.changes.append(
            "Results are encrypted with a KMS key that is created; who may read them today still may (key_admits_account), "
            "through Amazon S3."
        )
    else:
        call.changes.append(
            f"Results stay encrypted with {call.key_arn}, whose policy must have the statements of output key_policy_json of "
            "module storage."
        )
    return settings | {"existing": existing or None, "prefixes": _prefixes(call)}


def _prefixes(call: AdoptedCall) -> dict[str, str] | None:
    """Prefixes that differ from the module's: where results go now, and others where one would contain another."""
    output = S3Uri.parse(str(call.inventory.output["S3OutputPath"]))
    failure = S3Uri.parse(str(call.inventory.output["S3FailurePath"])) if call.inventory.output.get("S3FailurePath") else None
    given: dict[str, str] = {}
    if output.key.strip("/"):
        given["output"] = f"{output.key.strip('/')}/"
    else:
        call.changes.append(f"Outputs go to s3://{output.bucket}/output/ instead of {output}: the module needs a prefix.")
    taken = given.get("output", _PREFIXES["output"])
    if failure is None:
        call.changes.append("Failures are stored as objects too, where the live configuration names no S3FailurePath.")
    elif failure.bucket == output.bucket and failure.key.strip("/") and not _overlap(f"{failure.key.strip('/')}/", taken):
        given["failure"] = f"{failure.key.strip('/')}/"
    else:
        call.changes.append(
            f"Failures no longer go to {failure}: the module stores them in the bucket of the outputs, beside their prefix."
        )
    for role, prefix in _PREFIXES.items():
        if role not in given and any(_overlap(prefix, other) for other in given.values()):
            given[role] = f"{call.naming.name}-{prefix}"
    return {role: given[role] for role in sorted(given) if given[role] != _PREFIXES[role]} or None


def _overlap(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)
