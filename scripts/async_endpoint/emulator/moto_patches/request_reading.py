"""What a request says is read where its protocol has it. moto reads more than services of AWS do:

- the action and parameters of a JSON call from its URL, and from text within its body that looks like a form: a message for SQS
  whose text contains `&Action=DeleteQueue&` deletes a queue;
- the account from a header of moto's own, and the region from the URL and the User-Agent, none of which need to be signed.

A request could so be decided, counted and logged as one call, and be answered as another. The region is that of the signature,
the action that of X-Amz-Target for JSON and of the path for CBOR (smithy.io).
"""

from __future__ import annotations

from typing import Any

from moto.core.request import Request
from moto.core.responses import BaseResponse
from moto.iam.models import get_account_id_from

from async_endpoint.emulator.wsgi import SCOPE

_setup = BaseResponse.setup_class
_get_action = BaseResponse._get_action
_get_region = BaseResponse.get_region_from_url


def _read(self: BaseResponse, request: Request, *arguments: Any, **options: Any) -> None:
    _setup(self, request, *arguments, **options)
    if request.headers.get("X-Amz-Target"):
        self.querystring.clear()  # self.data is the same dictionary
    elif not self.use_raw_body and not request.query_string and str(self.body or "").lstrip().startswith(("{", "[")):
        self.querystring.clear()


def _action(self: BaseResponse) -> str:
    target = self.headers.get("X-Amz-Target")
    if target:
        return str(target).rpartition(".")[2]
    if self.headers.get("Smithy-Protocol"):
        return str(self.normalized_request.path).rpartition("/operation/")[2]
    return str(_get_action(self))


def _region(self: BaseResponse, request: Request, full_url: str) -> str:
    scope = SCOPE.search(request.headers.get("Authorization", ""))
    return scope["region"] if scope else str(_get_region(self, request, full_url))


def _account(self: BaseResponse) -> str:
    return str(get_account_id_from(self.get_access_key()))


def apply() -> None:
    BaseResponse.setup_class = _read
    BaseResponse._get_action = _action
    BaseResponse.get_region_from_url = _region
    BaseResponse.get_current_account = _account
