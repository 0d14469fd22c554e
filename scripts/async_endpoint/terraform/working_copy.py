"""Working copies of roots: where Terraform runs, so that it writes nothing below envs/.

.local/deployments/<environment>[-local]/<region>/
├── envs/<environment>/     the root's files, updated before every command, and Terraform's own .terraform/
├── modules, build, …       links to the checkout's, so that the root's relative paths hold
├── state/<instance>/       only for the local AWS: the state that belongs to one run of it
└── terraform.rc            Terraform's CLI configuration

A root without the variable `region` has no folder for it.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.local_aws import PERSISTENT_PREFIX, require_credentials, require_record
from async_endpoint.terraform.account import (
    ACCOUNT_FILE,
    Account,
    names_own_credentials,
    required_account,
    without_account_variables,
)
from async_endpoint.terraform.local_override import local_files, process_environment
from async_endpoint.terraform.provider import cli_configuration, find_provider_mirror, own_configuration
from async_endpoint.terraform.root_region import (
    REGION_VARIABLE,
    RootRegion,
    backend_settings,
    command_line,
    key_file,
    root_region,
)
from async_endpoint.terraform.whole_files import remove_partial_files, write_whole
from async_endpoint.workspace import Workspace

LOCAL_ENVIRONMENT: Final = "local"
STATE_FILE: Final = "terraform.tfstate"
UNSAVED_STATE: Final = "errored.tfstate"  # Terraform's name for a state that it could not write to its backend
BACKEND_ACCOUNT_FILE: Final = "account.s3.tfbackend"
INITIALISED_BACKEND: Final = Path(".terraform", "terraform.tfstate")  # what `terraform init` was given

_LINKED = ("modules", "build", "examples")
# What Terraform or a person leaves in a root without it being part of it; a stray override could undo that of the local AWS.
_NOT_PART = (".terraform", "*.tfstate", "*.tfstate.*", "*.tfplan", "override.tf*", "*_override.tf*")
_ARCHIVE = re.compile(r'^[^#\n]*"((?:\.\./)+[^"\n]*\.tar\.gz)"', re.MULTILINE)


@dataclass(frozen=True)
class WorkingCopy:
    """A copy of the root in `source`, ready for Terraform: run it in `folder` under `process_environment`.

    `endpoint_url` is the local AWS it is deployed to, None for AWS; `state` is the file of a local state, None with a remote
    one; `backend_files` complete a remote backend; `region` is None for a root without that variable; `account` is where it may
    be applied (terraform/caller.py checks it), None for the local AWS and for roots that state none.
    """

    environment: str
    source: Path
    folder: Path
    process_environment: dict[str, str]
    endpoint_url: str | None
    state: Path | None
    backend_files: tuple[Path, ...] = ()
    region: RootRegion | None = None
    account: Account | None = None

    @property
    def role_arn(self) -> str | None:
        """The role that all calls assume, None for the caller's own credentials."""
        return self.account.role_arn if self.account else None

    def command(self, verb: str) -> str:
        """The command line that does `verb` with this environment, for messages."""
        local = " --local" if self.endpoint_url and self.environment != LOCAL_ENVIRONMENT else ""
        return f"{command_line(verb, self.environment, self.region)}{local}"

    def archives(self) -> dict[str, Path]:
        """The model archives that main.tf names, by their paths in the checkout."""
        named = _ARCHIVE.findall((self.source / "main.tf").read_text(encoding="utf-8"))
        paths = [Path(os.path.normpath(self.source / name)) for name in named]
        return {os.path.relpath(path, self.source.parents[1]): path for path in paths}

    def require_archives(self) -> None:
        """Raise InvalidInput when main.tf names a model archive that is not built, with the command that builds it."""
        checkout = self.source.parents[1]
        for shown, archive in self.archives().items():
            if not archive.is_file():
                example = checkout / "examples" / archive.name.removesuffix(".tar.gz")
                model = os.path.relpath(example, checkout) if example.is_dir() else "DIR"
                raise InvalidInput(
                    f"{self.source.relative_to(checkout) / 'main.tf'} names the model archive {shown}, which is not there; "
                    f"make it with: async-endpoint package {model} -o {shown}"
                )


def is_local(environment: str, *, local: bool) -> bool:
    """Whether commands on `environment` go to the local AWS: as asked, and always for the environment of that name."""
    return local or environment == LOCAL_ENVIRONMENT


def prepare(workspace: Workspace, environment: str, *, local: bool) -> WorkingCopy:
    """Bring the working copy of `environment` up to date; `local` deploys it to the local AWS, implied for environment local.

    On AWS the root's *.tfbackend files (Terraform's name for them) name what its backend does not: the bucket of the state, and
    a generated one its key, which names the region. Each region has a copy of its own, on the local AWS with its own state.
    Raises UnknownEnvironment, LocalAwsNotRunning, and InvalidInput for an unusable provider mirror, an incomplete backend, and
    a root that is to name its account and does not.
    """
    source = workspace.environment(environment)
    local = is_local(environment, local=local)
    record = require_record(workspace) if local else None
    credentials = require_credentials(workspace) if local else None
    workspace.make_local("deployments")
    remove_partial_files(workspace)
    region = root_region(source, os.environ)
    copy = _copy_folder(workspace, environment, region, local=local)
    folder = copy / "envs" / environment
    files = {path.relative_to(source): path.read_bytes() for path in root_files(source)}
    state, account = None, None
    if record is not None:
        _remove_other_states(copy / "state", keep=record.instance_id)
        state = copy / "state" / record.instance_id / STATE_FILE
        override = local_files(record.endpoint_url, Path(os.path.relpath(state, folder)))
        files |= {Path(name): text.encode() for name, text in override.items()}
        files.pop(Path(ACCOUNT_FILE), None)
    else:
        files |= {Path(name): text.encode() for name, text in key_file(source, region).items()}
        account = required_account(source, command_line("bootstrap", environment, region))
        files |= {Path(name): text.encode() for name, text in _account_of_backend(source, account).items()}
    backend_files = () if local else tuple(folder / name for name in files if name.suffix == ".tfbackend")
    _synchronise(workspace, folder, files)
    for name in _LINKED:
        _link(copy / name, workspace.root / name)
    endpoint_url = record.endpoint_url if record else None
    environ = without_account_variables(os.environ)
    settings = process_environment(environ, _cli_configuration(workspace, copy / "terraform.rc"), credentials)
    if region is not None:
        settings[REGION_VARIABLE] = region.name
    return WorkingCopy(environment, source, folder, settings, endpoint_url, state, backend_files, region, account)


def local_state_file(workspace: Workspace, environment: str, *, local: bool) -> Path:
    """Where `prepare` has the state of `environment` on this machine: that of the local AWS, or of a backend `local`.

    Raises LocalAwsNotRunning.
    """
    region = root_region(workspace.environment(environment), os.environ)
    copy = _copy_folder(workspace, environment, region, local=local)
    if local:
        return copy / "state" / require_record(workspace).instance_id / STATE_FILE
    return working_folder(workspace, environment, local=local) / STATE_FILE


def working_folder(workspace: Workspace, environment: str, *, local: bool) -> Path:
    """Where Terraform runs for `environment`, which need not exist yet."""
    region = root_region(workspace.environment(environment), os.environ)
    return _copy_folder(workspace, environment, region, local=local) / "envs" / environment


def _copy_folder(workspace: Workspace, environment: str, region: RootRegion | None, *, local: bool) -> Path:
    name = f"{environment}-local" if local and environment != LOCAL_ENVIRONMENT else environment
    folder = workspace.local / "deployments" / name
    return folder / region.name if region is not None else folder


def copied_root(
    workspace: Workspace, source: Path, copy: Path, place: Path, generated: Mapping[str, str]
) -> tuple[Path, dict[str, str]]:
    """A working copy on AWS of a root that is no environment, with `generated` files, at `place` below `copy`.

    Returns its folder and the environment Terraform runs under there. Raises InvalidInput for an unusable provider mirror.
    """
    folder = copy / place
    remove_partial_files(workspace)
    files = {path.relative_to(source): path.read_bytes() for path in root_files(source)}
    _synchronise(workspace, folder, files | {Path(name): text.encode() for name, text in generated.items()})
    _link(copy / "modules", workspace.modules)
    environ = without_account_variables(os.environ)
    return folder, process_environment(environ, _cli_configuration(workspace, copy / "terraform.rc"), None)


def _account_of_backend(source: Path, account: Account | None) -> dict[str, str]:
    """The file, by name, that gives the account to the S3 backend of the root in `source`; none if it has own credentials."""
    settings = backend_settings(source)
    if account is None or not settings or names_own_credentials(settings):
        return {}
    return {BACKEND_ACCOUNT_FILE: account.backend_settings()}


def _cli_configuration(workspace: Workspace, generated: Path) -> Path:
    mirror = find_provider_mirror()
    own = own_configuration() if mirror is None else None
    if own is None:
        _write(workspace, generated, cli_configuration(mirror).encode(), generated.parent)
    return own or generated


def root_files(folder: Path) -> list[Path]:
    """All files that are part of a root or of its copy."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not any(fnmatch.fnmatch(part, gone) for part in path.relative_to(folder).parts for gone in _NOT_PART)
    ]


def _synchronise(workspace: Workspace, folder: Path, files: dict[Path, bytes]) -> None:
    """Make `folder` hold exactly `files`, beside what is Terraform's own, and a state that it could not write.

    Where settings of the backend change, what the last init recorded of them goes: Terraform would read that state.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.rglob("*"):
        relative = stale.relative_to(folder)
        kept = relative.parts[0] == ".terraform" or relative == Path(UNSAVED_STATE)
        if not kept and stale.is_file() and relative not in files:
            stale.unlink(missing_ok=True)  # another command does the same
    for relative, content in files.items():
        if relative.suffix == ".tfbackend" and not _holds(folder / relative, content):
            (folder / INITIALISED_BACKEND).unlink(missing_ok=True)
        _write(workspace, folder / relative, content, folder.parent)


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def _write(workspace: Workspace, path: Path, content: bytes, aside: Path) -> None:
    """Write if it differs, atomically by way of a file in `aside`: another command may be reading."""
    if not _holds(path, content):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(workspace, path, content, aside=aside)


def _link(link: Path, target: Path) -> None:
    """A relative link, so that a checkout can be moved."""
    wanted = os.path.relpath(target, link.parent)
    if not link.is_symlink() or str(link.readlink()) != wanted:
        link.unlink(missing_ok=True)
        try:
            link.symlink_to(wanted)
        except FileExistsError:  # another command has made it meanwhile
            if not link.is_symlink():
                raise


def _remove_other_states(states: Path, keep: str) -> None:
    for folder in states.glob("*"):
        if folder.name != keep and not folder.name.startswith(PERSISTENT_PREFIX):
            shutil.rmtree(folder, ignore_errors=True)
