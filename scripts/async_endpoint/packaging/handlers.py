"""The handler functions that a program defines, found in its syntax tree without importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from async_endpoint.core.errors import PackageLayoutError

OPT_ML = b"/opt/ml/"
STEPS = ("input_fn", "predict_fn", "output_fn")


def check_handlers(program: Path, name: str) -> None:
    """Check that `program`, called `name` in messages, defines the handlers that sagemaker-inference 1.10.1 requires.

    `model_fn` always; then either `transform_fn` alone, or `predict_fn` with or without `input_fn` and `output_fn`.
    A star import may define anything: with one, only certain errors are reported.
    Raises PackageLayoutError for a syntax error, a missing handler, or `transform_fn` together with another step.
    """
    try:
        text = program.read_bytes()
    except OSError as error:
        raise PackageLayoutError(f"{name} cannot be read as Python ({error}); replace it.") from error
    check_source(text, name)


def check_source(text: bytes, name: str) -> None:
    """The same check of a program's text."""
    defined = set(_names(_parse(text, name).body))
    steps = [step for step in STEPS if step in defined]
    if "transform_fn" in defined and steps:
        raise PackageLayoutError(
            f"{name} defines transform_fn together with {' and '.join(steps)}, which sagemaker-inference rejects; "
            f"keep transform_fn, or {', '.join(STEPS)}."
        )
    if "*" in defined:
        return
    if "model_fn" not in defined:
        raise PackageLayoutError(f"{name} does not define model_fn; add `def model_fn(model_dir)`, which loads the model.")
    if not {"transform_fn", "predict_fn"} & defined:
        raise PackageLayoutError(
            f"{name} defines neither predict_fn nor transform_fn; add `def predict_fn(data, model)`, which runs the model."
        )


def paths_of_containers(source: Path, members: Iterable[str]) -> list[str]:
    """The Python files among `members` that name a path under /opt/ml, which a container has and a macOS machine has not."""
    programs = [name for name in members if name.endswith(".py")]
    return [name for name in programs if OPT_ML in (source / name).read_bytes()]


def _parse(text: bytes, name: str) -> ast.Module:
    try:
        return ast.parse(text, filename=name)
    except SyntaxError as error:
        where = f" on line {error.lineno}" if error.lineno else ""
        raise PackageLayoutError(f"{name} has a syntax error{where} ({error.msg}); correct it.") from error
    except (ValueError, MemoryError, RecursionError) as error:  # the parser's stack overflows as either of the last two
        raise PackageLayoutError(f"{name} cannot be read as Python ({error}); replace it.") from error


def _names(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Names bound when the module runs, also inside if, try and with; `*` for a star import."""
    for statement in body:
        match statement:
            case ast.FunctionDef() | ast.ClassDef():
                yield statement.name
            case ast.Import() | ast.ImportFrom():
                yield from (alias.asname or alias.name for alias in statement.names)
            case ast.Assign():
                yield from (target.id for target in statement.targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=bound), value=ast.expr()):
                yield bound
            case ast.If() | ast.With() | ast.Try():
                for _, value in ast.iter_fields(statement):
                    for child in value if isinstance(value, list) else []:
                        yield from _names(child.body if isinstance(child, ast.ExceptHandler) else _statements(child))


def _statements(node: ast.AST) -> list[ast.stmt]:
    return [node] if isinstance(node, ast.stmt) else []
