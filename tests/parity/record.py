"""docs/parity.json: what runs on AWS have observed. A run on a local AWS cannot write one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from async_endpoint.core.errors import InvalidInput, Refused
from async_endpoint.local_aws import ACCOUNT_ID
from parity.assumptions import DOCS
from parity.probe import Observation, Verdict

RECORD = DOCS / "parity.json"
SCHEMA = 1
PRIVATE = [
    (re.compile(r"arn:aws[\w-]*:(?:sts|organizations|sso)::[^\s'\"]+"), "ARN"),
    (re.compile(r"arn:aws[\w-]*:iam::[^\s'\"]*?:(?!role/parity-)[^\s'\"]+"), "ARN"),
    (re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}"), "ACCESS-KEY"),
    (re.compile(r"(X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s'\"]+"), r"\1HIDDEN"),
    (re.compile(r"(?i)(encoded authorization failure message: )\S+"), r"\1HIDDEN"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "ADDRESS"),
    (re.compile(r"(?<![\w:/.])/(?:home|Users|root|tmp)/[^\s'\"]*"), "PATH"),
    (re.compile(r"(?<!\d)\d{12}(?!\d)"), "ACCOUNT"),
]
AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn")


@dataclass(frozen=True)
class Entry:
    """One observation on AWS; `date` is that of the run, UTC."""

    assumption: str
    probe: str
    verdict: str
    expected: str
    observed: str
    date: str
    region: str


def read_record(path: Path = RECORD) -> list[Entry]:
    """The entries of a record; none where there is no file. Raises InvalidInput for one of another form."""
    if not path.exists():
        return []
    try:
        document = json.loads(path.read_text())
        if document["schema_version"] != SCHEMA:
            raise InvalidInput(f"{path.name} has schema version {document['schema_version']}, this runner reads {SCHEMA}")
        return [Entry(**item) for item in document["observations"]]
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(
            f"{path.name} is not a record of parity runs ({error!r}): restore it from git or delete it"
        ) from None


def require_aws(endpoint_urls: Sequence[str], account: str) -> None:
    """Raise Refused unless every address is AWS's own, by https, and the account is not that of the local AWS."""
    require_aws_addresses(endpoint_urls)
    if account == ACCOUNT_ID:
        raise Refused(f"account {account} is that of the local AWS: no record is written")


def require_aws_addresses(endpoint_urls: Sequence[str]) -> None:
    """Raise Refused unless every address is AWS's own, by https. To be called before the first call is sent."""
    for url in endpoint_urls:
        parts = urlsplit(url)
        if parts.scheme != "https" or not (parts.hostname or "").endswith(AWS_DOMAINS):
            raise Refused(f"calls would go to {url}, which is not AWS: unset AWS_ENDPOINT_URL, its variants and endpoint_url")
    if not endpoint_urls:
        raise Refused("no call was sent to AWS: no record is written")


def entries(
    observations: Mapping[str, Sequence[Observation]], region: str, now: datetime, hidden: Mapping[str, str]
) -> list[Entry]:
    """Entries of one run. Texts in `hidden`, such as the account's number, are replaced: the record is published.

    So is what errors of AWS quote: principals and policies of the account, access keys, signatures, encoded messages and
    paths of this machine.
    """

    def clean(text: str) -> str:
        for secret, word in hidden.items():
            text = text.replace(secret, word)
        for pattern, word in PRIVATE:
            text = pattern.sub(word, text)
        return text

    date = now.astimezone(UTC).date().isoformat()
    return [
        Entry(item.assumption, name, str(item.verdict), clean(item.expected), clean(item.observed), date, region)
        for name, found in sorted(observations.items())
        for item in found
    ]


def merged(old: Sequence[Entry], new: Sequence[Entry]) -> list[Entry]:
    """Both, where a run replaces what the same probe observed about the same assumption, unless it could not decide."""

    def key(entry: Entry) -> tuple[str, str]:
        return entry.assumption, entry.probe

    decided = {key(entry) for entry in old if entry.verdict != Verdict.UNDECIDED}
    kept_new = [entry for entry in new if not (entry.verdict == Verdict.UNDECIDED and key(entry) in decided)]
    replaced = {key(entry) for entry in kept_new}
    both = [*(entry for entry in old if key(entry) not in replaced), *kept_new]
    return sorted(both, key=lambda entry: (int(entry.assumption[1:]), entry.probe))


def write_record(found: Sequence[Entry], endpoint_urls: Sequence[str], account: str, path: Path = RECORD) -> None:
    """Merge the entries of a run on AWS into the record. Raises Refused when it was not AWS that answered."""
    require_aws(endpoint_urls, account)
    document: dict[str, Any] = {
        "schema_version": SCHEMA,
        "observations": [asdict(entry) for entry in merged(read_record(path), found)],
    }
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    temporary.replace(path)
