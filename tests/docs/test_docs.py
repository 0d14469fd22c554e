"""The documentation says what the code does: a sentence that names a thing must name one that is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import botocore.session
import pytest
import typer

from async_endpoint.cli.app import app
from async_endpoint.core import errors
from async_endpoint.emulator import NOT_EMULATED, moto_patches
from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.hosting.context import HostingContext
from async_endpoint.emulator.hosting.service import Hosting
from async_endpoint.emulator.sagemaker.control_plane import ControlPlane
from support.calls_table import SERVICES, actions
from support.documents import ROOT, Document, bullets, coded, documents, rows

EVERY_DOCUMENT = pytest.mark.parametrize("document", documents(), ids=lambda document: document.name)


@EVERY_DOCUMENT
def test_relative_links_lead_somewhere(document: Document) -> None:
    for link in document.links:
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (document.path.parent / file).resolve() if file else document.path
        assert target.exists(), f"{link} is not there"
        assert not anchor or anchor in Document.read(target).anchors, f"{link} names no heading"


@EVERY_DOCUMENT
def test_files_of_code_that_are_named_exist(document: Document) -> None:
    folders = (ROOT, ROOT / "scripts", ROOT / "scripts/async_endpoint", document.path.parent)
    for name in coded(document.prose):
        if re.fullmatch(r"[\w./-]+/[\w-]+\.(py|tf)", name) and name != "code/inference.py":  # that one is in a model's archive
            assert any((folder / name).exists() for folder in folders), f"there is no {name}"


@EVERY_DOCUMENT
def test_make_targets_exist(document: Document) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = {name for names in re.findall(r"^([a-z][a-z -]*):", makefile, re.MULTILINE) for name in names.split()}
    settings = {*re.findall(r"^([A-Z_]+) \?=", makefile, re.MULTILINE), *re.findall(r"\$\(if \$\(([A-Z]+)\)", makefile)}
    for words in map(str.split, document.commands()):
        for word in words[1:] if words[:1] == ["make"] else ():
            name, is_setting, _ = word.partition("=")
            if is_setting:
                assert name in settings, f"make knows no setting {name}"
            elif re.fullmatch(r"[a-z][a-z-]*", name):
                assert name in targets, f"make has no target {name}"


@EVERY_DOCUMENT
def test_commands_and_their_options_exist(document: Document) -> None:
    for line in document.commands():
        if re.match(r"(?:\.venv/bin/)?async-endpoint\s", line):
            check_command(shlex.split(line)[1:])


def check_command(words: list[str]) -> None:
    """Follow `words` from the group to the command they name, and look up each option there."""
    command = typer.main.get_command(app)
    while (subcommands := getattr(command, "commands", {})) and not words[0].startswith("-"):
        name = words.pop(0).strip(",")
        assert name in subcommands, f"async-endpoint has no command {name}"
        command = subcommands[name]
        if not words:
            return
    options = {"--help"}.union(*([*parameter.opts, *parameter.secondary_opts] for parameter in command.params))
    for word in words:
        assert not word.startswith("-") or word in options, f"{command.name} has no option {word}"


def test_an_invented_command_is_found_out() -> None:
    for line in ("deploy local", "invoke local x.png --shout", "local sideways"):
        with pytest.raises(AssertionError, match="has no"):
            check_command(line.split())


def test_options_named_alone_belong_to_some_command(readme: Document) -> None:
    known: set[str] = set()
    commands = [typer.main.get_command(app)]
    while commands:
        command = commands.pop()
        commands += getattr(command, "commands", {}).values()
        known = known.union(*([*parameter.opts, *parameter.secondary_opts] for parameter in command.params))
    named = {word for word in coded(readme.prose) if re.fullmatch(r"--[a-z-]+", word)}
    assert {"--wait", "--json"} <= named <= known


@pytest.mark.parametrize(
    ("file", "heading"), [("README.md", "What the local AWS does not emulate"), ("docs/local-aws.md", "Not emulated")]
)
def test_what_is_not_emulated_is_what_the_local_aws_says(file: str, heading: str) -> None:
    assert tuple(bullets(Document.read(ROOT / file).section(heading))) == NOT_EMULATED


def test_exit_codes_are_the_error_tree(readme: Document) -> None:
    table = {int(code): set(coded(named)) for code, _, named in rows(readme.section("Exit codes"))}
    tree = {0: set(), **{kind.exit_code: leaves(kind) for kind in errors.AsyncEndpointError.__subclasses__()}}
    assert table == tree


def leaves(kind: type[errors.AsyncEndpointError]) -> set[str]:
    below = kind.__subclasses__()
    assert all(child.exit_code == kind.exit_code for child in below)
    return {child.__name__ for child in below}


def test_the_table_of_calls_has_exactly_the_actions_that_are_ours(local_aws: Document, tmp_path: Path) -> None:
    control = ControlPlane(Hosting(HostingContext(ScaledClock(), tmp_path, 0)))
    ours = {action for action in operations("sagemaker") if control.handles(action, {})}
    assert len(ours) >= 14
    assert actions(local_aws, "SageMaker") == ours | {"AddTags", "ListTags", "DeleteTags"}


@pytest.mark.parametrize("heading", SERVICES)
def test_the_table_of_calls_names_actions_that_exist(local_aws: Document, heading: str) -> None:
    known = set().union(*map(operations, SERVICES[heading]))
    assert actions(local_aws, heading) <= known
    assert {how for _, how, _ in rows(local_aws.section(heading))} <= {"faithful", "simplified", "absent"}


def operations(service: str) -> set[str]:
    return set(botocore.session.get_session().get_service_model(service).operation_names)


def test_every_gap_is_listed_with_its_reason(local_aws: Document) -> None:
    listed = {coded(file)[0]: why for file, why in rows(local_aws.section("Gaps of moto, mended"))}
    files = {path.name for path in Path(moto_patches.__file__).parent.rglob("*.py")} - {"__init__.py"}
    assert set(listed) == files
    assert all(listed.values())


def test_every_module_is_in_the_table(readme: Document) -> None:
    listed = re.findall(r"^\| \[([\w-]+)\]", readme.section("What Terraform makes"), re.MULTILINE)
    assert sorted(listed) == sorted(path.parent.name for path in ROOT.glob("modules/*/main.tf"))


def test_the_layout_is_the_one_there_is(readme: Document) -> None:
    (layout,) = [block for block in readme.blocks("") if block.startswith("modules/")]
    assert all((ROOT / line.split()[0]).is_dir() for line in layout.splitlines())


def test_the_python_of_the_readme_is_python(readme: Document) -> None:
    plain, ours = readme.blocks("python")
    for example in (plain, ours):
        compile(example, "README.md", "exec")
    assert "boto3" in plain and "async_endpoint" not in plain
    assert "boto3" not in ours
