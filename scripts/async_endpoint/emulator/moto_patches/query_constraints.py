"""Lengths, ranges, patterns and enumerations of requests to IAM, STS and CloudWatch, by their service models; moto checks few.

So a role's name has 64 characters, and its description none beyond Latin-1. All violations are listed in one ValidationError
(versitygw's tests of IAM's user API have its words). Source: botocore's service models, whose constraints are AWS's own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NoReturn

from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import BaseResponse
from moto.core.utils import camelcase_to_underscores
from moto.iam.exceptions import ValidationError
from moto.iam.responses import IamResponse
from moto.sts.responses import TokenResponse

from async_endpoint.emulator.sagemaker.request_validation import constraint_violations

_SERVICES: Final = {"iam": IamResponse, "sts": TokenResponse, "cloudwatch": CloudWatchResponse}


def _checking(service: str, plain: Callable[[BaseResponse], Any]) -> Callable[[BaseResponse], Any]:
    def call_action(self: BaseResponse) -> Any:
        violated = constraint_violations(service, self._get_action(), self.params)
        if violated:
            setattr(self, camelcase_to_underscores(self._get_action()), partial(_refuse, violated))
        return plain(self)

    return call_action


def _refuse(violated: str) -> NoReturn:
    """In the place of the action's method, so that the answer is made as any other error's."""
    raise ValidationError(violated)


def apply() -> None:
    for service, response in _SERVICES.items():
        response.call_action = _checking(service, response.call_action)
