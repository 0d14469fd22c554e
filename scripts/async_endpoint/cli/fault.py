"""`async-endpoint local fault set|list|clear`: fault injection into the local AWS."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any

import typer

from async_endpoint.cli.console import console, print_json
from async_endpoint.emulator.faults.kinds import KINDS, FaultKind
from async_endpoint.workspace import Workspace

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
_COUNTS = ("id", "kind", "asked", "happened", "seconds_left")


def register(app: typer.Typer) -> None:
    """Add the group `fault` to `app`."""
    group = typer.Typer(name="fault", help="Inject faults into the local AWS, repeatable by their seed.", no_args_is_help=True)
    kinds = "\n\n".join(_described(kind) for kind in KINDS.values())
    group.command("set", epilog=f"KIND is one of these, with its options:\n\n{kinds}")(set_fault)
    group.command("list")(list_faults)
    group.command("clear")(clear)
    app.add_typer(group)


def set_fault(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="The kind of fault; listed below.")],
    rate: Annotated[float | None, typer.Option(help="Share of cases in which it happens, up to 1 (default).")] = None,
    count: Annotated[int | None, typer.Option(help="Maximum number of times; then the fault expires.")] = None,
    duration: Annotated[float | None, typer.Option(help="AWS seconds until the fault expires.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="The same seed and order of cases give the same outcome (default 0).")
    ] = None,
    endpoint: Annotated[str | None, typer.Option(help="Only this endpoint: its invocations, instances or updates.")] = None,
    instance: Annotated[str | None, typer.Option(help="instance-kill: the instance to kill.")] = None,
    service: Annotated[str | None, typer.Option(help="Only calls of this service, as boto3 names it.")] = None,
    action: Annotated[str | None, typer.Option(help="Only calls of this action, such as PutObject.")] = None,
    status: Annotated[int | None, typer.Option(help="error: 500 (default) or 503.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Delay in AWS seconds; in real seconds for latency.")] = None,
    jitter: Annotated[float | None, typer.Option(help="Maximum deviation from --seconds, in both directions.")] = None,
    when: Annotated[str | None, typer.Option(help="disconnect: before the call is executed, or after.")] = None,
    topic: Annotated[str | None, typer.Option(help="Only notifications of this topic, an ARN or a name.")] = None,
    copies: Annotated[int | None, typer.Option(help="notification-duplicate: additional copies (default 1).")] = None,
    window: Annotated[int | None, typer.Option(help="notification-shuffle: number of notifications held (default 10).")] = None,
    prefix: Annotated[str | None, typer.Option(help="s3-denial: only objects below this S3 URI.")] = None,
    as_json: Json = False,
) -> None:
    """Set a fault, or execute an immediate one. Each kind takes its own options."""
    from async_endpoint.emulator import daemon  # noqa: PLC0415 - commands load only what they need

    given = {
        "rate": rate,
        "count": count,
        "duration": duration,
        "seed": seed,
        "endpoint": endpoint,
        "instance": instance,
        "service": service,
        "action": action,
        "status": status,
        "seconds": seconds,
        "jitter": jitter,
        "when": when,
        "topic": topic,
        "copies": copies,
        "window": window,
        "prefix": prefix,
    }
    options = {name: value for name, value in given.items() if value is not None}
    document = daemon.faults(Workspace.for_local_aws(), "POST", document={"kind": kind, **options})
    if as_json:
        print_json(document)
    elif "killed" in document:
        console.print(f"killed {', '.join(document['killed'])} of endpoint {document['endpoint']}")
    elif "now" in document:
        console.print(f"AWS time moved forward by {document['seconds']:g} seconds")
    else:
        console.print(f"set {sentence(document)}")


def list_faults(as_json: Json = False) -> None:
    """Show the faults that are set: the cases each was sampled for, and in how many it happened."""
    from async_endpoint.emulator import daemon  # noqa: PLC0415

    document = daemon.faults(Workspace.for_local_aws())
    if as_json:
        print_json(document)
        return
    for item in document["faults"]:
        console.print(sentence(item))
    if not document["faults"]:
        console.print("no fault is set")


def clear(
    name: Annotated[
        str | None, typer.Argument(metavar="[KIND or ID]", help="All faults of a kind, or one fault; default all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Clear faults."""
    from async_endpoint.emulator import daemon  # noqa: PLC0415

    document = daemon.faults(Workspace.for_local_aws(), "DELETE", name or "")
    if as_json:
        print_json(document)
        return
    for item in document["cleared"]:
        console.print(f"cleared {sentence(item)}")
    if not document["cleared"]:
        console.print("no fault was set")


def _described(kind: type[FaultKind]) -> str:
    options = ", ".join(f"--{field.name}" for field in reversed(fields(kind)))
    return f"{kind.name}: {kind.effect} ({options})."


def sentence(fault: dict[str, Any]) -> str:
    """A fault in one line: id, kind, options and counts."""
    options = " ".join(f"{name} {value}" for name, value in fault.items() if name not in _COUNTS)
    left = f", {fault['seconds_left']:.0f} AWS seconds left" if "seconds_left" in fault else ""
    return f"{fault['id']} {fault['kind']} ({options}): happened in {fault['happened']} of {fault['asked']} cases{left}"
