"""The action and parameters of a request, from where its protocol has them.

moto parses any body as a form unless the URL has a query: of a JSON document whose text contains `&Action=DeleteQueue&`, such
as a message for SQS, it executes that action, and fields after other `&` replace parameters. It also prefers an action in the
URL to that of the header. In AWS's protocols the header X-Amz-Target has the action of JSON, the path that of CBOR (smithy.io).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from moto.core import responses
from moto.core.responses import BaseResponse

_get_action = BaseResponse._get_action


def _fields(body: str, **options: Any) -> list[tuple[str, str]]:
    """The fields of a form; a JSON document is one field, as for moto if it has no `&` and no `=`."""
    return [(body, "")] if body.lstrip().startswith(("{", "[")) else parse_qsl(body, **options)


def _action(self: BaseResponse) -> str:
    target = self.headers.get("X-Amz-Target")
    if target:
        return str(target).rpartition(".")[2]
    if self.headers.get("Smithy-Protocol"):
        return str(self.normalized_request.path).rpartition("/operation/")[2]
    return str(_get_action(self) or "")


def apply() -> None:
    """Replace them, for the whole process."""
    responses.parse_qsl = _fields
    BaseResponse._get_action = _action
