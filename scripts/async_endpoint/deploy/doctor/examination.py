"""The list of checks, for AWS and for the local AWS, and a whole examination."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping

from async_endpoint.deploy.doctor import (
    configuration,
    credentials,
    execution_role,
    images,
    instance_quotas,
    live_parts,
    network,
    provider_plugin,
    resource_policies,
    state_bucket,
    tools,
)
from async_endpoint.deploy.doctor.checks import Check, run_checks
from async_endpoint.deploy.doctor.findings import Diagnosis, Finding
from async_endpoint.deploy.doctor.setup import Setup
from async_endpoint.terraform.working_copy import is_local
from async_endpoint.workspace import Workspace


def examine(
    workspace: Workspace,
    environment: str,
    *,
    local: bool,
    offline: bool = False,
    shell: Mapping[str, str] | None = None,
    only: str | None = None,
) -> Diagnosis:
    """Run every check of `environment`; with `offline` those that call nothing, with `only` that one and what it waits for.

    Raises UnknownEnvironment.
    """
    workspace.environment(environment)
    setup = Setup(workspace, environment, is_local(environment, local=local), dict(os.environ if shell is None else shell))
    checks = checks_of(setup)
    wanted = _waited_for(checks, only) if only else {check.name for check in checks}
    return Diagnosis(environment, tuple(run_checks(setup, [one for one in checks if one.name in wanted], offline=offline)))


def checks_of(setup: Setup) -> list[Check]:
    """The checks of an environment, in the order of their results."""
    return [*_OFFLINE, *(_LOCAL if setup.local else _AWS), *_online(local=setup.local)]


def _waited_for(checks: Iterable[Check], name: str) -> set[str]:
    """`name` and the checks that it waits for, which come before it."""
    wanted = {name}
    for check in reversed(list(checks)):
        if check.name in wanted:
            wanted |= {*check.needs, *check.after}
    return wanted


_OFFLINE = (
    Check("python", tools.python),
    Check("terraform", tools.terraform),
    Check("provider plugin", provider_plugin.provider_plugin),
    Check("disk", tools.disk),
    Check("configuration", configuration.configuration),
    Check("image choice", images.image_choice, needs=("configuration",)),
)
_LOCAL = (Check("local AWS", credentials.local_aws, online=True),)
_AWS = (
    Check("backend", configuration.backend, needs=("configuration",)),
    Check("account file", credentials.account_named),
    Check("credentials", credentials.credentials, needs=("configuration",), after=("account file",), online=True),
    Check("account", credentials.account, needs=("account file", "credentials"), online=True),
    Check("clock", credentials.clock, after=("credentials",), online=True),
    Check("state bucket", state_bucket.state_bucket, needs=("backend", "account"), online=True),
    Check("state protection", state_bucket.state_protection, needs=("state bucket",), online=True),
    Check("state lock", state_bucket.state_lock, needs=("state bucket",), online=True),
)


def _live(name: str, run: Callable[[Setup], Iterable[Finding]]) -> Check:
    """A check of what exists after the first apply."""
    return Check(name, run, needs=("state",), online=True, after_apply=True)


def _online(*, local: bool) -> list[Check]:
    caller, state = "local AWS" if local else "account", "local AWS" if local else "state bucket"
    return [
        Check("state", state_bucket.state, needs=(state,), online=True),
        Check("model archives", configuration.archives, needs=("configuration",), after=("state",)),
        Check("instance quotas", instance_quotas.instance_quotas, (caller, "configuration"), after=("state",), online=True),
        Check("image registry", images.image_registry, needs=(caller, "image choice"), after=("state",), online=True),
        _live("archives in S3", live_parts.archives_in_s3),
        _live("execution role", execution_role.execution_roles),
        _live("passing the role", execution_role.passable_roles),
        _live("resource policies", resource_policies.resource_policies),
        _live("notifications", live_parts.notification_path),
        _live("network", network.network),
        _live("scaling", live_parts.scaling),
        _live("alarms", live_parts.alarms),
    ]
