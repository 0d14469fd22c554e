"""What is left of a deployment after a destroy: found by name, by planned name and by tags. What others own is left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from async_endpoint.aws import DENIED_CODES, AwsSession, error_code
from async_endpoint.core.errors import WorkFailed
from async_endpoint.core.regions import regions_in
from async_endpoint.core.reply_queues import ENDPOINT_TAG, is_reply_queue, queue_prefix
from async_endpoint.deploy.deletions import remove_endpoint
from async_endpoint.deploy.orphans import planned_orphans, stray_orphans
from async_endpoint.deploy.resource_kinds import ENDPOINT, KINDS, Found, Kind, bucket_content
from async_endpoint.terraform.plan_document import PlanView

DEPLOYMENT_TAG = "deployment"


def _delete_dashboard(aws: AwsSession, found: Found) -> None:
    aws.client("cloudwatch").delete_dashboards(DashboardNames=[found.name])


def _delete_target(aws: AwsSession, found: Found) -> None:
    aws.client("application-autoscaling").deregister_scalable_target(
        ServiceNamespace="sagemaker", ResourceId=found.name, ScalableDimension=found.details["ScalableDimension"]
    )


def _claimed_by_name(label: str, delete: Any) -> Kind:
    return Kind("", label, lambda _: None, lambda aws, name: Found(name, name), delete)


@dataclass(frozen=True)
class _Listing:
    """How one kind of resource is listed. `field` holds its name, or its ARN or URL, of which the last part counts.

    `place` is what its names carry before the deployment's. `is_global` says that the listing has those of every region: the
    deployment of the same name in another region has them there, under names with that region (modules/iam, model, monitoring).
    """

    kind: Kind
    service: str
    operation: str
    members: str
    field: str
    place: str = ""
    options: Mapping[str, Any] | None = None
    is_global: bool = False


# In the order in which they can be deleted: the scalable target before its endpoint, whose scaling would continue.
_LISTINGS = (
    _Listing(
        _claimed_by_name("scalable target", _delete_target), "application-autoscaling", "describe_scalable_targets",
        "ScalableTargets", "ResourceId", place="endpoint/", options={"ServiceNamespace": "sagemaker"},
    ),
    _Listing(KINDS["aws_sagemaker_endpoint"], "sagemaker", "list_endpoints", "Endpoints", "EndpointName"),
    _Listing(
        KINDS["aws_sagemaker_endpoint_configuration"], "sagemaker", "list_endpoint_configs", "EndpointConfigs",
        "EndpointConfigName",
    ),
    _Listing(KINDS["aws_sagemaker_model"], "sagemaker", "list_models", "Models", "ModelName"),
    _Listing(KINDS["aws_cloudwatch_metric_alarm"], "cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    _Listing(
        _claimed_by_name("dashboard", _delete_dashboard), "cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName",
        is_global=True,
    ),
    _Listing(KINDS["aws_s3_bucket"], "s3", "list_buckets", "Buckets", "Name", is_global=True),
    _Listing(KINDS["aws_sns_topic"], "sns", "list_topics", "Topics", "TopicArn"),
    _Listing(KINDS["aws_sqs_queue"], "sqs", "list_queues", "QueueUrls", ""),
    _Listing(KINDS["aws_iam_role"], "iam", "list_roles", "Roles", "RoleName", is_global=True),
    _Listing(
        KINDS["aws_iam_policy"], "iam", "list_policies", "Policies", "PolicyName", options={"Scope": "Local"}, is_global=True
    ),
    _Listing(KINDS["aws_kms_alias"], "kms", "list_aliases", "Aliases", "AliasName", place="alias/"),
    _Listing(
        KINDS["aws_cloudwatch_log_group"], "logs", "describe_log_groups", "logGroups", "logGroupName",
        place="/aws/sagemaker/Endpoints/",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Leftover:
    """`shown` is its name as people know it: a topic's ARN, a queue's URL. `own` says it is provably this deployment's."""

    kind: Kind
    found: Found
    shown: str
    own: bool

    def __str__(self) -> str:
        return f"{self.kind.label} {self.shown}"


def leftovers(aws: AwsSession, names: Sequence[str], view: PlanView, imported: Collection[str] = ()) -> list[Leftover]:
    """What still exists of the deployments `names` (of their endpoints), in the order in which it can be deleted.

    `imported` are endpoints that existed before: what was made by hand beside them is often called as they are, with a hyphen
    and more, so of these only the endpoint's own name counts, and those of its reply queues.

    By name: those called as one of `names`, or as it with a hyphen and more, and those that the state of `view` had, as of
    storage that endpoints share. By planned name: what `view` was to create. By tags: configurations, models and keys that
    nothing uses. What another deployment's tag claims is left out, and so are a key that waits out its days of grace and what
    existed before the deployment, supplied to it or released from its state.
    """
    listed = [one for listing in _LISTINGS for one in _by_name(aws, listing, names, view, imported)]
    listed += _by_state(aws, names, view, imported)
    there = {(one.kind.label, one.found.name) for one in listed}
    orphans = [*planned_orphans(aws, view), *stray_orphans(aws, view)]
    owned = {(orphan.kind.label, orphan.found.name) for orphan in orphans if orphan.own}
    listed = [replace(one, own=True) if (one.kind.label, one.found.name) in owned else one for one in listed]
    more = [
        Leftover(orphan.kind, orphan.found, orphan.found.name, orphan.own)
        for orphan in orphans
        if (orphan.kind.label, orphan.found.name) not in there
    ]
    order = [kind.label for kind in KINDS.values()]
    found = [*listed, *sorted(more, key=lambda one: order.index(one.kind.label))]
    return [one for one in found if (one.kind.type, one.found.name) not in view.before]


def is_settled(left: Sequence[Leftover]) -> bool:
    """Whether looking again cannot help: nothing is left, or more than queues, which are listed for a minute after deletion."""
    return not left or any(one.kind.type != "aws_sqs_queue" for one in left)


def delete_leftovers(aws: AwsSession, left: Iterable[Leftover]) -> None:
    """Delete what is provably this deployment's; raises WorkFailed for a bucket that is not empty, NotReady for an endpoint."""
    for one in left:
        if not one.own:
            continue
        if one.kind.type == ENDPOINT:
            remove_endpoint(aws, one.found.name)
        elif one.kind.type == "aws_s3_bucket" and (content := bucket_content(aws, one.found.name)):
            raise WorkFailed(f"Bucket {one.found.name} holds {content}; empty it, then rerun the command.")
        else:
            one.kind.delete(aws, one.found)


def reply_queues(aws: AwsSession, endpoint: str) -> list[str]:
    """The URLs of an endpoint's reply queues: by name, and by the tag that its clients set. Raises what boto3 raises."""
    sqs = aws.client("sqs")
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=queue_prefix(endpoint))
    named = [url for page in pages for url in page.get("QueueUrls", ()) if is_reply_queue(url.rpartition("/")[2], endpoint)]
    return [url for url in named if sqs.list_queue_tags(QueueUrl=url).get("Tags", {}).get(ENDPOINT_TAG) == endpoint]


def delete_reply_queues(aws: AwsSession, names: Iterable[str]) -> None:
    """Delete the queues that clients of the endpoints `names` have left for the next run; their topics are about to go.

    What this role may not list or delete is left, and found as a leftover.
    """
    for name in names:
        try:
            for url in reply_queues(aws, name):
                aws.client("sqs").delete_queue(QueueUrl=url)
        except ClientError as error:
            if error_code(error) not in DENIED_CODES:
                raise


def _by_name(
    aws: AwsSession, listing: _Listing, names: Sequence[str], view: PlanView, imported: Collection[str]
) -> Iterable[Leftover]:
    exact = {*imported, *(f"{name}-{view.region}" for name in imported if listing.is_global)}
    for shown, member in sorted(_members(aws, listing), key=lambda item: item[0]):
        name = _own_part(shown, listing)
        own = name in exact or any(is_reply_queue(name, endpoint) for endpoint in imported)
        begins = _begins_as(name, names) and not (listing.is_global and _is_another_regions(name, names, view))
        if not own and not begins:
            continue
        if not listing.kind.type:  # it has no tags: what begins alike may be another deployment's, and it is its endpoint's
            name = name.removesuffix(f"-{view.region}") if listing.is_global else name
            known = name in names or name in imported
            endpoint = KINDS[ENDPOINT].find(aws, name) if known else None
            if known and not (endpoint and _is_another_deployments(endpoint, view)):
                proven = endpoint is None or endpoint.carries(view.tags)
                yield Leftover(listing.kind, Found(shown, shown, details=member), shown, proven)
            continue
        found = listing.kind.find(aws, shown if listing.place else name)
        if found is not None and not _is_another_deployments(found, view):
            yield Leftover(listing.kind, found, shown, _is_own(listing.kind, found, [*names, *imported], view))


def _begins_as(name: str, names: Iterable[str]) -> bool:
    return any(name == own or name.startswith(f"{own}-") for own in names)


def _is_another_regions(name: str, names: Sequence[str], view: PlanView) -> bool:
    """Whether `name`, which begins as one of `names`, contains a region after it, and not the one of `view`."""
    rests = [name.removeprefix(own) for own in names if _begins_as(name, [own])]
    return all((found := regions_in(rest)) and view.region not in found for rest in rests)


def _by_state(aws: AwsSession, names: Sequence[str], view: PlanView, imported: Collection[str]) -> Iterable[Leftover]:
    """What the state had under a name that does not begin as one of `names`, and still exists."""
    for type_, attributes in view.state:
        kind = KINDS.get(type_)
        name = kind.name(attributes) if kind else None
        if kind is None or name is None or _begins_as(last := name.rpartition("/")[2], names) or last in imported:
            continue
        found = kind.find(aws, name)
        if found is not None and not _is_another_deployments(found, view):
            yield Leftover(kind, found, found.name, own=found.carries(view.tags) or found.unclaimed)


def _is_own(kind: Kind, found: Found, names: Sequence[str], view: PlanView) -> bool:
    """Whether the root names it, or the tag that names the deployment claims it; names that begin alike do not."""
    planned = {kind.name(creation.after) for creation in view.creations if creation.type == kind.type}
    exact = found.name in planned or view.has(kind.type, found.name) or found.name.rpartition("/")[2] in names
    carried = found.carries(view.tags)
    if (found.tags or {}).get(ENDPOINT_TAG) in names:  # a client has made it for one of these endpoints
        return True
    return (exact and (carried or found.unclaimed)) or (carried and DEPLOYMENT_TAG in view.tags)


def _is_another_deployments(found: Found, view: PlanView) -> bool:
    claimed, own = (found.tags or {}).get(DEPLOYMENT_TAG), view.tags.get(DEPLOYMENT_TAG)
    return claimed is not None and own is not None and claimed != own


def _members(aws: AwsSession, listing: _Listing) -> Iterable[tuple[str, Any]]:
    pages = aws.client(listing.service).get_paginator(listing.operation).paginate(**(listing.options or {}))
    for page in pages:
        for member in page.get(listing.members, ()):
            yield (member[listing.field], member) if listing.field else (member, {})


def _own_part(shown: str, listing: _Listing) -> str:
    """The part of a name that begins with the deployment's; empty where the name is in another place."""
    if listing.place:
        return shown.removeprefix(listing.place).split("/")[0] if shown.startswith(listing.place) else ""
    return shown.rsplit("/", 1)[-1].rsplit(":", 1)[-1]


def leftover_message(environment: str, left: Sequence[Leftover], command: str) -> str:
    """What to say when a destroy leaves something: the command that deletes it, and what that leaves to the reader."""
    own, foreign = ([one for one in left if one.own is side] for side in (True, False))
    text = f"{environment} was destroyed, but these resources remain: {', '.join(map(str, left))}."
    if own:
        text += f" Delete those that carry this deployment's tags with: {command} --remove-leftovers"
        text += "." if foreign else ""
    if foreign:
        text += f" Not provably this deployment's, so yours to delete: {', '.join(map(str, foreign))}."
    return text
