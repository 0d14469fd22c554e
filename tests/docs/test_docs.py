"""Documentation matches the code: links, files, commands, options, exit codes and tables that it names exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import typer
from sagemaker_inference.decoder import decode
from sagemaker_inference.errors import GenericInferenceToolkitError

from async_endpoint.cli.app import app
from async_endpoint.core import errors
from async_endpoint.emulator import NOT_EMULATED, moto_patches
from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.faults.kinds import KINDS
from async_endpoint.emulator.hosting.context import HostingContext
from async_endpoint.emulator.hosting.service import Hosting
from async_endpoint.emulator.sagemaker.absent_resources import SERVED_BY_MOTO
from async_endpoint.emulator.sagemaker.control_plane import ControlPlane
from async_endpoint.packaging import build_archive
from support.calls_table import SERVICES, actions
from support.command_lines import check_command
from support.documents import ROOT, Document, bullets, coded, documents, rows

EVERY_DOCUMENT = pytest.mark.parametrize("document", documents(), ids=lambda document: document.name)


@EVERY_DOCUMENT
def test_relative_links_resolve(document: Document) -> None:
    for link in document.links:
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (document.path.parent / file).resolve() if file else document.path
        assert target.exists(), f"{link} does not exist"
        assert not anchor or anchor in Document.read(target).anchors, f"{link} names a heading that does not exist"


@EVERY_DOCUMENT
def test_source_files_that_are_named_exist(document: Document) -> None:
    folders = (ROOT, ROOT / "scripts", ROOT / "scripts/async_endpoint", document.path.parent)
    for name in coded(document.prose):
        if re.fullmatch(r"[\w./-]+/[\w-]+\.(py|tf)", name) and name != "code/inference.py":  # that one is in a model's archive
            assert any((folder / name).exists() for folder in folders), f"there is no {name}"


@pytest.mark.parametrize("file", ["docs/operations.md", "docs/pipelines.md", "docs/troubleshooting.md"])
def test_fields_of_an_endpoint_exist(file: str) -> None:
    """Such as `scaling.max_instances`, or its last part where the list of containers is understood: `serving.workers`."""
    table = (ROOT / "modules/async-inference/README.md").read_text()
    fields = [re.sub(r"\[\*\]|\.\*", "", field) for field in re.findall(r"^\| `([\w.*\[\]]+)`", table, re.MULTILINE)]
    objects = {part for field in fields for part in field.split(".")[:-1]}
    named = {
        word for word in coded(Document.read(ROOT / file).prose) if re.fullmatch(rf"({'|'.join(objects)})\.[a-z_.]+", word)
    }
    assert [word for word in named if not any(f".{field}".endswith(f".{word}") for field in fields)] == []


@EVERY_DOCUMENT
def test_make_targets_exist(document: Document) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = {name for names in re.findall(r"^([a-z][a-z -]*):", makefile, re.MULTILINE) for name in names.split()}
    settings = {
        *re.findall(r"^([A-Z_]+) \?=", makefile, re.MULTILINE),
        *re.findall(r"\$\(if \$\((?:value )?([A-Z_]+)\)", makefile),
    }
    for words in map(str.split, document.commands()):
        for word in words[1:] if words[:1] == ["make"] else ():
            name, is_setting, _ = word.partition("=")
            if is_setting:
                assert name in settings, f"make has no setting {name}"
            elif re.fullmatch(r"[a-z][a-z-]*", name):
                assert name in targets, f"make has no target {name}"


@EVERY_DOCUMENT
def test_commands_and_their_options_exist(document: Document) -> None:
    for line in document.commands():
        if re.match(r"(?:\.venv/bin/)?async-endpoint\s", line):
            check_command(shlex.split(line)[1:])


def test_an_unknown_command_or_option_is_detected() -> None:
    for line in ("deploy local", "invoke local x.png --shout", "local sideways"):
        with pytest.raises(AssertionError, match="has no"):
            check_command(line.split())


@pytest.mark.parametrize("file", ["README.md", "docs/commands.md", "docs/operations.md", "docs/verification.md"])
def test_options_named_alone_belong_to_some_command(file: str) -> None:
    known: set[str] = set()
    commands = [typer.main.get_command(app)]
    while commands:
        command = commands.pop()
        commands += getattr(command, "commands", {}).values()
        known = known.union(*([*parameter.opts, *parameter.secondary_opts] for parameter in command.params))
    named = {word for word in coded(Document.read(ROOT / file).prose) if re.fullmatch(r"--[a-z-]+", word)}
    assert named <= known


def test_every_command_is_in_the_table(commands: Document) -> None:
    listed = [coded(name)[0] for name, *_ in rows(commands.section("Commands"))]
    assert sorted(listed) == sorted(f"async-endpoint {name}" for name in typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def test_the_list_of_what_is_not_emulated_is_the_one_printed_at_start(local_aws_page: Document) -> None:
    assert tuple(bullets(local_aws_page.section("Not emulated"))) == NOT_EMULATED


def test_exit_codes_are_the_error_tree(commands: Document) -> None:
    table = {int(code): set(coded(named)) for code, _, named in rows(commands.section("Exit codes"))}
    tree = {0: set(), **{kind.exit_code: leaves(kind) for kind in errors.AsyncEndpointError.__subclasses__()}}
    assert table == tree


def leaves(kind: type[errors.AsyncEndpointError]) -> set[str]:
    below = kind.__subclasses__()
    assert all(child.exit_code == kind.exit_code for child in below)
    return {child.__name__ for child in below}


def test_the_table_of_calls_has_exactly_the_actions_implemented_here(local_aws_page: Document, tmp_path: Path) -> None:
    control = ControlPlane(Hosting(HostingContext(ScaledClock(), tmp_path, 0)))
    served = control.implemented | (SERVED_BY_MOTO & set(operations("sagemaker")))
    assert len(served) >= 24
    assert actions(local_aws_page, "SageMaker") == served


@pytest.mark.parametrize("heading", SERVICES)
def test_the_table_of_calls_names_actions_that_exist(local_aws_page: Document, heading: str) -> None:
    known = set().union(*map(operations, SERVICES[heading]))
    assert actions(local_aws_page, heading) <= known
    assert {how for _, how, _ in rows(local_aws_page.section(heading))} <= {"faithful", "simplified", "absent"}


def operations(service: str) -> set[str]:
    return set(botocore.session.get_session().get_service_model(service).operation_names)


def test_every_patch_of_moto_is_listed(local_aws_page: Document) -> None:
    listed = {coded(file)[0]: why for file, why in rows(local_aws_page.section("Patches of moto"))}
    files = {path.name for path in Path(moto_patches.__file__).parent.rglob("*.py")} - {"__init__.py"}
    assert set(listed) == files
    assert all(listed.values())


def test_every_kind_of_fault_is_in_the_table(local_aws_page: Document) -> None:
    assert sorted(coded(kind)[0] for kind, *_ in rows(local_aws_page.section("Faults"))) == sorted(KINDS)


WORDS = (
    "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
    "eighteen", "nineteen", "twenty",
)  # fmt: skip


@pytest.mark.parametrize("document", ["README.md", "CHANGELOG.md"], ids=str)
def test_numbers_of_things_are_right(document: str) -> None:
    alarms = re.findall(r"^    (\w+) += \{$", (ROOT / "modules/monitoring/alarms.tf").read_text(), re.MULTILINE)
    numbers = {
        "kinds of faults": len(KINDS),
        "example roots": len({path.parent for path in ROOT.glob("examples/*/versions.tf")}),
        "custom checks": len(rows(Document.read(ROOT / "policies/README.md").prose)),
        "alarms": len(alarms),
    }
    stated = re.findall(rf"\b({'|'.join(WORDS)}) ({'|'.join(numbers)})\b", Document.read(ROOT / document).prose, re.IGNORECASE)
    assert stated
    for word, things in stated:
        assert WORDS.index(word.lower()) + 6 == numbers[things], f"{word} {things}: there are {numbers[things]}"


def test_every_module_is_in_the_table() -> None:
    listed = re.findall(r"^\| \[([\w-]+)\]", Document.read(ROOT / "modules/README.md").section("Modules"), re.MULTILINE)
    assert sorted(listed) == sorted(path.parent.name for path in ROOT.glob("modules/*/main.tf"))


def test_the_layout_names_every_folder() -> None:
    [layout] = [block for block in Document.read(ROOT / "CONTRIBUTING.md").blocks("") if block.startswith("modules/")]
    named = {line.split()[0].rstrip("/") for line in layout.splitlines()}
    ignored = {".git", *(line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines())}
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    assert named == folders - ignored


def test_python_examples_use_either_boto3_or_this_client(readme: Document, commands: Document) -> None:
    [plain] = commands.blocks("python")
    [client] = [block for block in readme.blocks("python") if "AsyncEndpoint" in block]
    for example in (plain, client):
        compile(example, "example", "exec")
    assert "boto3" in plain and "async_endpoint" not in plain
    assert "boto3" not in client


def test_the_handler_of_the_readme_answers_and_can_be_packaged(readme: Document, tmp_path: Path) -> None:
    [handler] = [block for block in readme.blocks("python") if "model_fn" in block]
    (tmp_path / "model/code").mkdir(parents=True)
    (tmp_path / "model/code/inference.py").write_text(handler)
    (tmp_path / "model/weights.json").write_text("[0.5, 2]")

    build_archive(tmp_path / "model", tmp_path / "model.tar.gz")
    functions: dict[str, Any] = {}
    exec(compile(handler, "inference.py", "exec"), functions)

    weights = functions["model_fn"](str(tmp_path / "model"))
    assert functions["predict_fn"](decode("[4, 1]", "application/json"), weights) == {"score": 4.0}
    for wrong in ("[4]", "[[4, 1]]", "7"):
        with pytest.raises(GenericInferenceToolkitError, match=r"send 2 numbers") as refused:
            functions["predict_fn"](decode(wrong, "application/json"), weights)
        assert refused.value.status_code == 400
