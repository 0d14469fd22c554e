"""Caches of values that moto recomputes for each call, and receipt handles from one random number.

moto converts the names of all queue attributes for each message sent, lists its package's folders for each request, and draws
185 random letters for each message received: together a third of the cost of a request.
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
    """A receipt handle from moto's random generator, so that its seed still applies."""
    return f"{mock_random.getrandbits(4 * HANDLE_CHARS):0{HANDLE_CHARS}x}"


def apply() -> None:
    backends.list_of_moto_modules = _modules
    models.camelcase_to_underscores = cache(camelcase_to_underscores)
    models.generate_receipt_handle = _handle
