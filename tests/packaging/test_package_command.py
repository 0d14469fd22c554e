"""`async-endpoint package`, as a person runs it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from async_endpoint.cli.app import main; main()", "package"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    program = tmp_path / "my model" / "code" / "inference.py"
    program.parent.mkdir(parents=True)
    program.write_text("def model_fn(model_dir): ...\ndef predict_fn(data, model): ...\n")
    return tmp_path / "my model"


def package(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60)


def test_json_describes_the_archive_and_nothing_else_is_printed(model: Path, tmp_path: Path) -> None:
    output = tmp_path / "build" / "model.tar.gz"
    done = package(model, "-o", output, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "path": str(output),
        "size_bytes": output.stat().st_size,
        "sha256": hashlib.sha256(output.read_bytes()).hexdigest(),
        "files": 1,
    }


def test_people_read_path_size_and_digest_on_standard_error(model: Path, tmp_path: Path) -> None:
    output = tmp_path / "model.tar.gz"
    done = package(model, "--output", output)
    assert (done.returncode, done.stdout) == (0, "")
    assert str(output) in done.stderr
    assert f"{output.stat().st_size:,} bytes" in done.stderr
    assert hashlib.sha256(output.read_bytes()).hexdigest() in done.stderr


def test_code_with_a_path_of_containers_is_noted(model: Path, tmp_path: Path) -> None:
    (model / "code" / "weights.py").write_text("PATH = '/opt/ml/model/weights.bin'\n")
    done = package(model, "-o", tmp_path / "model.tar.gz")
    assert done.returncode == 0
    assert "code/weights.py names a path under /opt/ml" in done.stderr
    assert "inference.py names" not in done.stderr


def test_a_wrong_layout_is_one_sentence_and_exit_code_2(model: Path, tmp_path: Path) -> None:
    (model / "code" / "inference.py").unlink()
    done = package(model, "-o", tmp_path / "model.tar.gz")
    assert done.returncode == 2
    assert done.stdout == ""
    advice = "add it, or pass --custom-image for an image of your own"
    assert done.stderr.strip() == f"error: Model folder {model} has no code/inference.py; {advice}."
    assert not (tmp_path / "model.tar.gz").exists()


def test_the_model_of_a_custom_image_needs_files_only(model: Path, tmp_path: Path) -> None:
    output = tmp_path / "model.tar.gz"
    (model / "code" / "inference.py").unlink()
    done = package(model, "-o", output, "--custom-image")
    assert done.returncode == 2
    assert "has no files; an image that contains its model needs no archive" in done.stderr
    (model / "weights.bin").write_bytes(b"weights")
    assert package(model, "-o", output, "--custom-image").returncode == 0
    with tarfile.open(output) as archive:
        assert archive.getnames() == ["weights.bin"]
    (model / "link").symlink_to("weights.bin")
    assert "is a symbolic link" in package(model, "-o", output, "--custom-image").stderr
    missing = package(tmp_path / "nowhere", "-o", output, "--custom-image").stderr
    assert missing.strip().endswith("is missing; give a folder that contains the model's files.")
