"""Plans that outlive the command that made them: what is recorded of one, and what is compared before one is applied.

A plan file is applied as it is, on the state that it was made for. An approved plan is only compared: the command plans again,
and applies that where the digest of the changes is the approved one (ADR 0081).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from async_endpoint.core.errors import PlanForeign, PlanNotApproved, PlanStale
from async_endpoint.core.text import joined
from async_endpoint.terraform.adapter import Changes
from async_endpoint.terraform.plan_digest import change_digests
from async_endpoint.terraform.plan_document import changed_outputs, data_sources, resource_changes
from async_endpoint.terraform.plan_files import KeptPlan
from async_endpoint.terraform.plan_origin import archive_sums, provider_lock_sum, root_sum
from async_endpoint.terraform.plan_record import PlanRecord, StateVersion, difference
from async_endpoint.terraform.working_copy import WorkingCopy

if TYPE_CHECKING:
    from async_endpoint.deploy.deployment import Deployment

_SHOWN_DIFFERENCES: Final = 5


def plan_record(
    deployment: Deployment, document: Mapping[str, Any], endpoints: Mapping[str, str], *, keep: bool, summary: Mapping[str, Any]
) -> PlanRecord:
    """What is recorded of a plan; `endpoints` says what becomes of each.

    Without `keep` only what its digest is made of: the rest takes a run of Terraform.
    """
    copy = deployment.copy
    return PlanRecord(
        environment=deployment.environment,
        region=copy.region.name if copy.region else "",
        account=account_of(copy, document),
        instance=instance_of(copy),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        terraform=deployment.terraform.version,
        provider_lock=provider_lock_sum(copy),
        root=root_sum(copy) if keep else "",
        archives=archive_sums(copy),
        state=deployment.terraform.state_version() if keep else StateVersion("", 0),
        changes=change_digests(document),
        endpoints={name: action for name, action in sorted(endpoints.items()) if action != "unchanged"},
        summary=summary,
    )


def account_of(copy: WorkingCopy, document: Mapping[str, Any]) -> str:
    """The AWS account that a plan was made in: as its provider found it, else as the environment names it; else empty."""
    found = (values.get("account_id") for values in data_sources(document, "aws_caller_identity"))
    named = ", ".join(copy.account.ids) if copy.account else ""
    return next((str(account) for account in found if account), named)


def instance_of(copy: WorkingCopy) -> str:
    """Which local AWS a working copy deploys to; empty for AWS."""
    return copy.state.parent.name if copy.state else ""


def require_usable(deployment: Deployment, kept: KeptPlan) -> None:
    """Raise PlanForeign for a plan file of another place or other files than the deployment's, PlanStale for another state."""
    copy, record = deployment.copy, kept.record
    allowed = copy.account.ids if copy.account else ()
    region = copy.region.name if copy.region else ""
    sums = archive_sums(copy)
    compared: list[tuple[bool, str]] = [
        (record.environment == deployment.environment, f"it is for environment {record.environment}"),
        (record.region == region, f"it is for region {record.region}, and TF_VAR_region or the root selects {region}"),
        (not allowed or record.account in allowed, f"it is for account {record.account}, and this is {joined(allowed)}"),
        (record.instance == instance_of(copy), _other_aws(record, instance_of(copy))),
        (
            record.terraform == deployment.terraform.version,
            f"Terraform {record.terraform} made it, and this is {deployment.terraform.version}",
        ),
        (record.provider_lock == provider_lock_sum(copy), "it was made with another provider lock file (.terraform.lock.hcl)"),
        (
            record.root == root_sum(copy),
            f"envs/{record.environment} or modules/ of this checkout differ from what it was made from",
        ),
        *((record.archives.get(name) == value, f"archive {name} is another one") for name, value in sums.items()),
    ]
    wrong = [sentence for holds, sentence in compared if not holds]
    if wrong:
        raise PlanForeign(f"{kept.where} cannot be applied here: {'; '.join(wrong)}. Nothing was changed; plan again.")
    state = deployment.terraform.state_version()
    if state != record.state:
        raise PlanStale(
            f"{kept.where} is stale: the state of {record.environment} has changed since it was made ({record.created}; serial "
            f"{record.state.serial} then, {state.serial} now). Nothing was changed; plan again."
        )


def require_approved(approved: PlanRecord, planned: PlanRecord, name: str) -> None:
    """Raise PlanNotApproved unless `planned` changes what `approved`, called `name`, does."""
    if approved.digest == planned.digest:
        return
    found = difference(approved, planned)
    more = f"; and {len(found) - _SHOWN_DIFFERENCES} more" if len(found) > _SHOWN_DIFFERENCES else ""
    raise PlanNotApproved(
        f"What an apply of {planned.environment} would change is not what was approved as {name} ({approved.created}): "
        f"{'; '.join(found[:_SHOWN_DIFFERENCES])}{more}. Nothing was changed; plan again, and have that plan approved."
    )


def document_changes(document: Mapping[str, Any]) -> Changes:
    """What the plan that `terraform show -json` printed would do, counted as Terraform does."""
    changes = resource_changes(document)
    add, destroy = sum(change.creates for change in changes), sum(change.deletes for change in changes)
    update = sum(change.actions == ("update",) for change in changes)
    return Changes(bool(changes or changed_outputs(document)), add, update, destroy)


def _other_aws(record: PlanRecord, instance: str) -> str:
    here = "this is another one, or it was reset" if instance else "this is AWS"
    return f"it is for {'a local AWS, and ' + here if record.instance else 'AWS, and this is the local AWS'}"
