"""What was added outside Terraform and no apply removes: these modules set no argument for it, so a plan is empty.

Read from the refreshed state, in attributes that the provider computes: it lists there what AWS has, also what a resource of
its own has set (a bucket policy, an attached policy), which is subtracted. A resource named `imported` existed before, with
settings that others gave it: those are no additions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.deploy.drift.defaults import unlike_default
from async_endpoint.deploy.drift.rows import shown
from async_endpoint.terraform.plan_document import arguments, is_imported, prior_resources

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Addition:
    """`remedy` is the command that removes it."""

    address: str
    attribute: str
    live: str
    expected: str
    remedy: str


@dataclass(frozen=True)
class BucketSetting:
    """A setting of a bucket: its attribute, the resource that would set it, the call that removes it, and its default."""

    setter: str
    command: str
    default: Any = None


_BUCKET_SETTINGS: Final = {
    "acceleration_status": BucketSetting(
        "aws_s3_bucket_accelerate_configuration",
        "put-bucket-accelerate-configuration --accelerate-configuration Status=Suspended",
        "Suspended",
    ),
    "cors_rule": BucketSetting("aws_s3_bucket_cors_configuration", "delete-bucket-cors"),
    "lifecycle_rule": BucketSetting("aws_s3_bucket_lifecycle_configuration", "delete-bucket-lifecycle"),
    "logging": BucketSetting("aws_s3_bucket_logging", "put-bucket-logging --bucket-logging-status {}"),
    "policy": BucketSetting("aws_s3_bucket_policy", "delete-bucket-policy"),
    "replication_configuration": BucketSetting("aws_s3_bucket_replication_configuration", "delete-bucket-replication"),
    "request_payer": BucketSetting(
        "aws_s3_bucket_request_payment_configuration",
        "put-bucket-request-payment --request-payment-configuration Payer=BucketOwner",
        "BucketOwner",
    ),
    "website": BucketSetting("aws_s3_bucket_website_configuration", "delete-bucket-website"),
}


def additions(document: Mapping[str, Any]) -> list[Addition]:
    """The additions in the refreshed state of a plan that `terraform show` printed."""
    state = [(str(item["address"]), str(item["type"]), item.get("values") or {}) for item in prior_resources(document)]
    found = []
    for address, kind, values in state:
        if is_imported(address):
            continue
        if find := _FINDERS.get(kind):
            found += [Addition(address, *one) for one in find(values, [(other, each) for _, other, each in state])]
        found += [Addition(address, *one) for one in unlike_default(kind, values)]
    return [one for one in found if one.attribute not in arguments(document, one.address)]  # which an apply sets back


_State = list[tuple[str, Values]]  # type and attributes of each resource
_Found = tuple[str, str, str, str]  # attribute, live, expected, remedy


def _of_bucket(bucket: Values, state: _State) -> Iterator[_Found]:
    name = bucket.get("bucket")
    setters = {kind for kind, values in state if values.get("bucket") == name}
    for attribute, setting in _BUCKET_SETTINGS.items():
        live = bucket.get(attribute)
        if live and live != setting.default and setting.setter not in setters:
            verb, _, options = setting.command.partition(" ")
            command = f"aws s3api {verb} --bucket {name} {options}".rstrip()
            yield attribute, shown(live), shown(setting.default), command
    grantees = [grant.get("uri") or grant.get("id") for grant in bucket.get("grant") or ()]
    if len(grantees) > 1 and "aws_s3_bucket_acl" not in setters:  # the owner's is always there
        yield "grant", shown(grantees), "the owner's", f"aws s3api put-bucket-acl --bucket {name} --acl private"


def _of_queue(queue: Values, _: _State) -> Iterator[_Found]:
    if live := queue.get("redrive_allow_policy"):
        command = f"aws sqs set-queue-attributes --queue-url {queue.get('url')} --attributes RedriveAllowPolicy="
        yield "redrive_allow_policy", shown(live), "none", command


def _of_role(role: Values, state: _State) -> Iterator[_Found]:
    name = role.get("name")

    def own(kind: str, attribute: str) -> set[Any]:
        return {values.get(attribute) for other, values in state if other == kind and values.get("role") == name}

    attached = set(role.get("managed_policy_arns") or ()) - own("aws_iam_role_policy_attachment", "policy_arn")
    for arn in sorted(attached):
        yield "managed_policy_arns", arn, "not attached", f"aws iam detach-role-policy --role-name {name} --policy-arn {arn}"
    inline = (
        {policy.get("name") for policy in role.get("inline_policy") or ()} - own("aws_iam_role_policy", "name") - {"", None}
    )
    for policy in sorted(inline):
        yield "inline_policy", policy, "none", f"aws iam delete-role-policy --role-name {name} --policy-name {policy}"


def _of_security_group(group: Values, state: _State) -> Iterator[_Found]:
    """Rules beside those that are resources of their own, as all rules of these modules are."""
    for direction in ("ingress", "egress"):
        own = {
            _rule(values.get("ip_protocol"), values.get("from_port"), values.get("to_port"), values.get(member))
            for kind, values in state
            if kind == f"aws_vpc_security_group_{direction}_rule" and values.get("security_group_id") == group.get("id")
            for member in ("cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id")
            if values.get(member)
        }
        live = {rule for described in group.get(direction) or () for rule in _rules(described, group.get("id"))}
        for protocol, ports, peer in sorted(live - own):
            verb = f"aws ec2 revoke-security-group-{direction} --group-id {group.get('id')} --ip-permissions"
            command = f"{verb} IpProtocol={protocol}{_ports(ports)},{_peer(peer)}"
            yield direction, " ".join(filter(None, (protocol, ports, peer))), "no such rule", command


_SOURCES: Final = ("cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids", "security_groups")


def _rules(described: Values, own_id: Any) -> Iterator[tuple[str, str, str]]:
    """The single rules of a block, which lists all peers of the same ports."""
    peers = [peer for member in _SOURCES for peer in described.get(member) or ()] + ([own_id] if described.get("self") else [])
    for peer in peers:
        yield _rule(described.get("protocol"), described.get("from_port"), described.get("to_port"), peer)


def _rule(protocol: Any, low: Any, high: Any, peer: Any) -> tuple[str, str, str]:
    return str(protocol), "" if str(protocol) == "-1" else f"{low}-{high}", str(peer)


def _ports(ports: str) -> str:
    low, _, high = ports.partition("-")
    return f",FromPort={low},ToPort={high}" if ports else ""


def _peer(peer: str) -> str:
    if peer.startswith("sg-"):
        return f"UserIdGroupPairs=[{{GroupId={peer}}}]"
    if peer.startswith("pl-"):
        return f"PrefixListIds=[{{PrefixListId={peer}}}]"
    return f"Ipv6Ranges=[{{CidrIpv6={peer}}}]" if ":" in peer else f"IpRanges=[{{CidrIp={peer}}}]"


def _of_route_table(table: Values, state: _State) -> Iterator[_Found]:
    own = {values.get("destination_cidr_block") for kind, values in state if kind == "aws_route"}
    for route in table.get("route") or ():
        destination = route.get("cidr_block")
        if destination and destination not in own:
            command = f"aws ec2 delete-route --route-table-id {table.get('id')} --destination-cidr-block {destination}"
            yield "route", destination, "no such route", command


_FINDERS: Final[Mapping[str, Callable[[Values, _State], Iterable[_Found]]]] = {
    "aws_iam_role": _of_role,
    "aws_route_table": _of_route_table,
    "aws_s3_bucket": _of_bucket,
    "aws_security_group": _of_security_group,
    "aws_sqs_queue": _of_queue,
}
