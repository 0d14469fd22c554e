"""What a model folder must look like, and what of it is packaged."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from async_endpoint.core.errors import PackageLayoutError
from async_endpoint.packaging import check_layout

STEPS = "def model_fn(model_dir): ...\ndef predict_fn(data, model): ...\n"


def folder(tmp_path: Path, program: str | None = STEPS, **files: str) -> Path:
    """A model folder; in keyword names, `__` means `/`."""
    source = tmp_path / "model"
    (source / "code").mkdir(parents=True)
    if program is not None:
        (source / "code" / "inference.py").write_text(program, encoding="utf-8")
    for name, text in files.items():
        path = source / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return source


def refusal(source: Path) -> str:
    with pytest.raises(PackageLayoutError) as caught:
        check_layout(source)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message
    return message


def test_everything_in_the_folder_is_packaged_in_sorted_order(tmp_path: Path) -> None:
    source = folder(tmp_path, weights="w", code__requirements="", data__b="", data__a="")
    assert check_layout(source) == ["code/inference.py", "code/requirements", "data/a", "data/b", "weights"]


def test_hidden_and_compiled_files_are_left_out(tmp_path: Path) -> None:
    source = folder(tmp_path)
    for name in (".git/config", ".DS_Store", "code/__pycache__/x.txt", "code/old.pyc", "data/.cache/x"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(b"x")
    assert check_layout(source) == ["code/inference.py"]


def test_modelignore_leaves_out_files_and_whole_folders(tmp_path: Path) -> None:
    source = folder(tmp_path, README="", tools__draw="", notes__a_txt="", notes__b="")
    (source / ".modelignore").write_text("# not the model\nREADME\ntools/\n\nnotes/*_txt\n", encoding="utf-8")
    assert check_layout(source) == ["code/inference.py", "notes/b"]


@pytest.mark.parametrize("kind", ["missing", "a file"])
def test_a_folder_that_is_not_one_is_named(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "nowhere"
    if kind == "a file":
        source.write_text("")
    assert f"{source} is {kind}" in refusal(source)


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    assert "has no code/inference.py; add it, or pass --custom-image" in refusal(folder(tmp_path, program=None))


def test_a_program_at_the_top_is_to_be_moved(tmp_path: Path) -> None:
    source = folder(tmp_path, program=None)
    (source / "inference.py").write_text(STEPS)
    assert f"move inference.py into {source / 'code'}" in refusal(source)


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("def predict_fn(data, model): ...", "does not define model_fn"),
        ("def model_fn(model_dir): ...", "defines neither predict_fn nor transform_fn"),
        ("class Handler:\n  def model_fn(self): ...\n  def predict_fn(self): ...", "does not define model_fn"),
        (STEPS + "def transform_fn(m, d, c, a): ...", "defines transform_fn together with predict_fn"),
        ("from handlers import *\ndef transform_fn(m, d, c, a): ...\ndef output_fn(p, a): ...", "together with output_fn"),
        ("def model_fn(model_dir):\n    return (\n", "has a syntax error on line 2"),
        ("def model_fn(x):\n\tpass\n  pass\n", "has a syntax error on line 3"),
        ("x = '\0'", "code/inference.py"),
    ],
)
def test_a_program_without_its_handlers_is_refused(tmp_path: Path, program: str, expected: str) -> None:
    assert expected in refusal(folder(tmp_path, program))


@pytest.mark.parametrize(
    "program",
    [
        STEPS,
        STEPS + "def input_fn(b, c): ...\ndef output_fn(p, a): ...\n",
        "def model_fn(model_dir): ...\ndef transform_fn(model, data, content_type, accept): ...\n",
        "from handlers import model_fn, run as predict_fn\n",
        "from handlers import *\n",
        "model_fn = load\npredict_fn: object = run\n",
        "try:\n  from fast import predict_fn\nexcept ImportError:\n  def predict_fn(d, m): ...\n"
        "if True:\n  def model_fn(d): ...\n",
    ],
)
def test_handlers_are_found_however_they_are_bound(tmp_path: Path, program: str) -> None:
    assert check_layout(folder(tmp_path, program)) == ["code/inference.py"]


def test_the_program_is_not_run(tmp_path: Path) -> None:
    check_layout(folder(tmp_path, STEPS + "raise SystemExit('this ran')\n"))


@pytest.mark.parametrize(
    ("target", "where"), [("code/inference.py", "inside"), ("../outside.bin", "outside"), ("gone", "inside")]
)
def test_a_symbolic_link_is_refused(tmp_path: Path, target: str, where: str) -> None:
    source = folder(tmp_path)
    (tmp_path / "outside.bin").write_bytes(b"secret")
    (source / "weights").symlink_to(source / target)
    assert f"weights is a symbolic link to {(source / target).resolve()}, {where} the model folder" in refusal(source)


def test_a_linked_folder_is_refused_and_may_be_ignored(tmp_path: Path) -> None:
    source = folder(tmp_path)
    (source / "data").symlink_to(tmp_path)
    assert "data is a symbolic link" in refusal(source)
    (source / ".modelignore").write_text("data\n")
    assert check_layout(source) == ["code/inference.py"]


def test_the_folder_itself_may_be_reached_by_a_link(tmp_path: Path) -> None:
    alias = tmp_path / "alias"
    alias.symlink_to(folder(tmp_path))
    assert check_layout(alias) == ["code/inference.py"]


def test_pipes_and_sockets_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = folder(tmp_path)
    os.mkfifo(source / "pipe")
    assert "pipe is neither a file nor a folder" in refusal(source)
    (source / "pipe").unlink()
    monkeypatch.chdir(source)  # a socket's path is limited to about 100 characters
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert "socket is neither a file nor a folder" in refusal(source)
