"""Files of kept plans: Terraform's plan, which holds secrets, and its record, in a ZIP archive that only its owner can read."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from async_endpoint.core.errors import InvalidInput, PlanDamaged
from async_endpoint.input_files import printable, read_input
from async_endpoint.terraform.plan_record import MAX_BYTES as MAX_RECORD_BYTES
from async_endpoint.terraform.plan_record import PlanRecord, parse_record
from async_endpoint.terraform.whole_files import write_whole
from async_endpoint.workspace import Workspace

MAX_BYTES: Final = 256 << 20
_PLAN, _RECORD = "saved.tfplan", "record.json"


@dataclass(frozen=True)
class KeptPlan:
    """A plan to be applied, as `where` has it."""

    where: str
    record: PlanRecord
    plan: bytes


def pack(record: PlanRecord, plan: bytes) -> tuple[PlanRecord, bytes]:
    """The record with the sum of the plan in it, and the content of the file."""
    record = dataclasses.replace(record, plan=hashlib.sha256(plan).hexdigest())
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(_RECORD, record.text())
        archive.writestr(_PLAN, plan)
    return record, packed.getvalue()


def unpack(content: bytes, where: str) -> KeptPlan:
    """What `pack` made. Raises PlanDamaged for anything else."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sorted(archive.namelist()) != [_RECORD, _PLAN]:
                raise PlanDamaged(f"{where} is no plan of `async-endpoint plan ENV --out FILE`; plan again.")
            if any(item.compress_type != zipfile.ZIP_STORED for item in archive.infolist()):
                raise PlanDamaged(f"{where} was changed after the plan was made: a plan is not compressed; plan again.")
            if archive.getinfo(_RECORD).file_size > MAX_RECORD_BYTES or archive.getinfo(_PLAN).file_size > MAX_BYTES:
                raise PlanDamaged(f"{where} is larger than any plan; plan again.")
            text, plan = archive.read(_RECORD), archive.read(_PLAN)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise PlanDamaged(f"{where} is no plan of `async-endpoint plan ENV --out FILE`, or is damaged; plan again.") from error
    record = parse_record(text, where)
    if hashlib.sha256(plan).hexdigest() != record.plan:
        raise PlanDamaged(f"{where} was changed after the plan was made: its plan is not the recorded one; plan again.")
    return KeptPlan(where, record, plan)


def read_plan_file(path: Path) -> KeptPlan:
    """The plan in the file at `path`. Raises InvalidInput for a file that cannot be read, PlanDamaged."""
    return unpack(read_input(path, MAX_BYTES), printable(path))


def write_private(workspace: Workspace, path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all: a file that is there is replaced, a link not followed.

    Raises InvalidInput where that is not possible.
    """
    try:
        if path.exists() and not (path.is_file() or path.is_symlink()):
            raise InvalidInput(f"{printable(path)} is not a regular file; give the path of a file.")
        write_whole(workspace, path, content, mode=0o600)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InvalidInput(f"{printable(path)} cannot be written ({reason}); give a path in a folder that exists.") from error
