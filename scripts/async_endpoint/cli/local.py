"""`async-endpoint local up|down|status|env|reset|fault`: the local AWS."""

from __future__ import annotations

import os
import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from async_endpoint.cli import fault
from async_endpoint.cli.console import console, print_json
from async_endpoint.core.errors import InvalidInput
from async_endpoint.local_aws import DEFAULT_REGION, LocalCredentials, require_credentials, time_scale_text
from async_endpoint.workspace import Workspace

DEFAULT_PORT = 4599
# Settings of a shell that take precedence over what `env` exports, or go with other credentials.
_UNSET = (
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)
_PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


class Containers(StrEnum):
    """What can run a model's containers."""

    PYTHON = "python"
    DOCKER = "docker"
    PODMAN = "podman"
    AUTO = "auto"


def register(app: typer.Typer) -> None:
    """Add the group `local` to `app`."""
    group = typer.Typer(name="local", help="Start, inspect, inject faults into and stop the local AWS.", no_args_is_help=True)
    group.command("up")(up)
    group.command("down")(down)
    group.command("status")(status)
    group.command("reset")(reset)
    group.command("env")(env)
    fault.register(group)
    app.add_typer(group)


def up(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)] = DEFAULT_PORT,
    time_scale: Annotated[
        float, typer.Option(help="AWS seconds that pass in a second: 60 makes a minute a second.", min=0.1, max=86_400)
    ] = 60.0,
    instance_launch_seconds: Annotated[
        float, typer.Option(help="AWS seconds that launching an instance takes.", min=0.0, max=86_400)
    ] = 60.0,
    filter_delay: Annotated[
        float,
        typer.Option(
            metavar="MINUTES", help="AWS minutes until a new or changed SNS filter policy takes effect.", min=0.0, max=1440
        ),
    ] = 15.0,
    containers: Annotated[
        Containers,
        typer.Option(
            help="What runs a model: its code in a Python process, or its image in docker, podman or auto, the one that works."
        ),
    ] = Containers.PYTHON,
    state_dir: Annotated[
        Path | None,
        typer.Option(
            parser=_directory,
            metavar="DIRECTORY",
            help="Keep all state in this directory, and resume from it. Its contents are trusted like code.",
        ),
    ] = None,
    access_key: Annotated[
        str | None,
        typer.Option(
            envvar="ASYNC_ENDPOINT_ACCESS_KEY",
            metavar="ID",
            help="Access key id that clients sign with. Generated unless given; kept with --state-dir.",
        ),
    ] = None,
    secret_key: Annotated[
        str | None,
        typer.Option(
            envvar="ASYNC_ENDPOINT_SECRET_KEY",
            metavar="SECRET",
            help="Its secret; - reads it from standard input. Other users see a command line: prefer - or the variable.",
        ),
    ] = None,
    enforce_iam: Annotated[
        bool,
        typer.Option(
            "--enforce-iam", help="Deny callers what IAM does not allow. The generated credentials are an administrator's."
        ),
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return once it answers; stop it with: local down")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Start the local AWS and say where it is and what it does not emulate."""
    from async_endpoint.emulator import daemon  # noqa: PLC0415 - commands load only what they need
    from async_endpoint.emulator.auth.credentials import parse_access_key  # noqa: PLC0415
    from async_endpoint.local_aws import LocalAwsRecord  # noqa: PLC0415

    def announce(record: LocalAwsRecord) -> None:
        if as_json:
            print_json(record.__dict__)
            return
        console.print(
            Text.assemble(
                "local AWS at ", (record.endpoint_url, "bold"), f" (process {record.pid}); {time_scale_text(record.time_scale)}"
            )
        )
        console.print('  eval "$(async-endpoint local env)" lets any AWS client of this shell use it')
        from async_endpoint.emulator import not_emulated  # noqa: PLC0415

        for missing in not_emulated(enforces_iam=enforce_iam, runs_images=containers.value in {"docker", "podman"}):
            console.print(f"  not emulated: {missing}")

    workspace = Workspace.for_local_aws()
    key = parse_access_key(access_key, sys.stdin.readline().rstrip("\r\n") if secret_key == "-" else secret_key)
    if detach:
        announce(
            daemon.start_detached(
                workspace,
                port,
                time_scale,
                instance_launch_seconds,
                containers.value,
                state_dir,
                key,
                filter_delay,
                enforce_iam=enforce_iam,
            )
        )
    else:
        daemon.run(
            workspace,
            port,
            time_scale,
            instance_launch_seconds,
            announce,
            containers.value,
            state_dir,
            key,
            filter_delay,
            enforce_iam=enforce_iam,
        )


def _directory(text: str | Path) -> Path:
    """An empty one would be the directory that one happens to be in; raises InvalidInput."""
    if not str(text):
        raise InvalidInput("--state-dir is empty; give the directory that the state is to be kept in.")
    return Path(text)


def down(
    lose_changes: Annotated[
        bool, typer.Option("--lose-changes", help="Stop also when its state cannot be saved, and lose what changed since.")
    ] = False,
) -> None:
    """Stop the local AWS of this checkout, once its state is saved where it keeps one."""
    from async_endpoint.emulator import daemon  # noqa: PLC0415

    record = daemon.stop(Workspace.for_local_aws(), lose_changes=lose_changes)
    console.print(f"stopped the local AWS at {record.endpoint_url}" if record else "no local AWS was running")


def reset(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Make the running local AWS forget everything, in its state directory too; it serves on as a new one."""
    from async_endpoint.emulator import daemon  # noqa: PLC0415

    record = daemon.reset(Workspace.for_local_aws())
    if as_json:
        print_json(record.__dict__)
        return
    console.print(f"reset the local AWS at {record.endpoint_url}: everything that was in it is gone")


def status(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Show the running local AWS: endpoints, instances, backlog."""
    from async_endpoint.emulator import daemon  # noqa: PLC0415

    document = daemon.status(Workspace.for_local_aws())
    if as_json:
        print_json(document)
        return
    scale = time_scale_text(document["time_scale"])
    console.print(Text.assemble("local AWS at ", (document["endpoint_url"], "bold"), f"; {scale}"))
    for endpoint in document["endpoints"]:
        instances = f"instances {endpoint['serving_instances']}/{endpoint['desired_instances']}"
        state = f"{endpoint['status']}  {instances}  backlog {endpoint['backlog']}  {endpoint['failure_reason']}"
        console.print(f"  {endpoint['name']} ({endpoint['region']})  {state}")
        for variant in endpoint["variants"]:
            if variant["last_failure"]:
                console.print(f"    {variant['name']}: an instance failed: {variant['last_failure']}")
            if variant["suspended_scaling"]:
                suspended = ", ".join(variant["suspended_scaling"])
                console.print(f"    scaling of variant {variant['name']} is suspended: {suspended}")
    if document["iam"]["enforced"]:
        console.print("  IAM is enforced")
        for denial in document["iam"]["denials"]:
            console.print(f"  {_denial(denial)}")
    for sentence in document["remaining_interfaces"]:
        console.print(f"  {sentence}")
    for sentence in document["stored_without_effect"]:
        console.print(f"  stored without effect: {sentence}")
    if document["state"]:
        console.print(f"  {_kept(document['state'])}")
    for item in document["faults"]:
        console.print(f"  fault set: {fault.sentence(item)}")


def _denial(denial: dict[str, Any]) -> str:
    """A denied call, by which permission its caller lacks."""
    times = f" ({denial['calls']} calls)" if denial["calls"] > 1 else ""
    return f"denied {denial['principal']} {denial['operation']}: {denial['action']} on {denial['resource']}{times}"


def env(
    region: Annotated[str, typer.Option(help="AWS region that clients use.")] = DEFAULT_REGION,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print the settings that let any AWS client use the local AWS, for: eval "$(async-endpoint local env)"."""
    from async_endpoint.emulator import daemon  # noqa: PLC0415

    workspace = Workspace.for_local_aws()
    daemon.status(workspace)  # it answers, and accepts these credentials
    credentials = require_credentials(workspace)
    if as_json:
        print_json(credentials.environment(region))
    else:
        sys.stdout.write(_shell_commands(credentials, region))


def _shell_commands(credentials: LocalCredentials, region: str) -> str:
    """Commands of a POSIX shell: `unset` for what would take precedence, then `export`."""
    endpoints = (name for name in os.environ if name.startswith("AWS_ENDPOINT_URL_"))
    unset = " ".join([*_UNSET, *sorted(name for name in endpoints if name.isidentifier())])
    variables = credentials.environment(region)
    if any(name in os.environ for name in _PROXIES):  # SDKs would send requests for loopback to the proxy
        excluded = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
        hosts = [host for host in excluded.split(",") if host]
        hosts += [host for host in ("127.0.0.1", "localhost") if host not in hosts]
        variables |= dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(hosts))
    exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
    return f"unset {unset}\nexport {exports}\n"


def _kept(state: dict[str, Any]) -> str:
    missing = "".join(f"; not saved: {name} ({reason})" for name, reason in state["not_saved"].items())
    failed = f"; the last save failed: {state['error']}" if state["error"] else ""
    return f"state in {state['dir']}; a kill -9 now would lose {state['lost_if_killed']}{missing}{failed}"
