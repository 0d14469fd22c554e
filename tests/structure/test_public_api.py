"""The public API: importing it loads nothing heavy, and every name it promises exists."""

from __future__ import annotations

import inspect
import subprocess
import sys

import async_endpoint
from async_endpoint.core import errors

HEAVY = ("boto3", "botocore", "moto", "flask", "typer", "rich", "numpy", "python_terraform")
PROGRAM = f"""
import sys
import async_endpoint
print(*[name for name in {HEAVY} if name in sys.modules])
"""


def test_importing_the_package_loads_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_every_public_name_exists_and_is_listed() -> None:
    for name in async_endpoint.__all__:
        assert getattr(async_endpoint, name)
    assert set(async_endpoint.__all__) <= set(dir(async_endpoint))
    assert async_endpoint.__version__[0].isdigit()


def test_every_error_is_public() -> None:
    tree = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)}
    assert tree <= set(async_endpoint.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(async_endpoint, "AsyncEndpiont")


def test_no_public_method_takes_arbitrary_options() -> None:
    for name in async_endpoint.__all__:
        value = getattr(async_endpoint, name)
        if inspect.isclass(value) and value.__module__.startswith("async_endpoint.client"):
            for method, function in inspect.getmembers(value, inspect.isroutine):
                if getattr(function, "__module__", "") == value.__module__ and not method.startswith("_"):
                    kinds = {parameter.kind for parameter in inspect.signature(function).parameters.values()}
                    assert inspect.Parameter.VAR_KEYWORD not in kinds, f"{name}.{method}"
