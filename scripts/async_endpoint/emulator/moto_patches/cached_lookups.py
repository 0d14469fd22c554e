"""moto works out again, on each call, what never changes, and draws each receipt handle letter by letter.

A message sent spells the names of all of its queue's attributes anew; each request lists the folders of moto's package to
find its service; a message received costs 185 random letters. Together that was a third of what a request cost.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from moto import backends
from moto.core.utils import camelcase_to_underscores
from moto.moto_api._internal import mock_random
from moto.sqs import models

HANDLE_CHARS = 185  # moto's
_list_modules = backends.list_of_moto_modules


@cache
def _modules() -> Iterable[str]:
    return frozenset(_list_modules())


def _handle() -> str:
    """From moto's own source of chance, so that its seed still decides."""
    return f"{mock_random.getrandbits(4 * HANDLE_CHARS):0{HANDLE_CHARS}x}"


def apply() -> None:
    backends.list_of_moto_modules = _modules
    models.camelcase_to_underscores = cache(camelcase_to_underscores)
    models.generate_receipt_handle = _handle
