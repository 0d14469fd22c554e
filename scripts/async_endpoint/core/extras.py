"""The extras of this distribution: which top-level modules each one installs, and a check that names the missing one."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Final

from async_endpoint.core.errors import ExtraMissing

EXTRAS: Final = {
    "deploy": ("python_terraform",),
    "http": ("fastapi", "mangum", "uvicorn"),
    "local": ("moto", "flask", "flask_cors", "sagemaker_inference"),
    "plots": ("matplotlib",),
}


def require_extra(extra: str, needed_for: str) -> None:
    """Raise ExtraMissing unless every module of `extra` can be imported; `needed_for` begins its sentence."""
    missing = [name for name in EXTRAS[extra] if not _importable(name)]
    if missing:
        raise ExtraMissing(
            f"{needed_for} needs the extra [{extra}] ({', '.join(missing)} cannot be imported); install it from a checkout: "
            f"pip install './async-endpoint[{extra}]'"
        )


def _importable(name: str) -> bool:
    try:
        return name in sys.modules or find_spec(name) is not None
    except (ImportError, ValueError):  # an import hook refuses it, or it is half-imported
        return False
