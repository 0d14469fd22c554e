"""What SageMaker says about a failed request, read by its stable parts: text of the model never decides.

A response of the model begins `Received client error (400) from primary with message "…"`, often after `ClientError: `, as
users quote it (github.com/aws/sagemaker-python-sdk issue 1119); what follows is the model's. The wording for a request that
expired is not documented (assumptions A110 and A137).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_KIND: Final = r"(?:\w+(?:Error|Exception): )?"
_MODEL_RESPONSE: Final = re.compile(rf"{_KIND}Received (?:client|server) error \((?P<status>\d{{1,3}})\) from ")
_EXPIRED: Final = re.compile(
    rf"{_KIND}(?:(?:the|this|your|an?) )?(?:[\w-]+ ){{0,2}}request (?:(?!not |never )[\w-]+ ){{0,2}}expired\b", re.IGNORECASE
)
REASON_CHARS: Final = 300  # of a reason in a sentence


def first_line(reason: str) -> str:
    """The first line of a failure's text, shortened, without its full stop; a quotation that the cut leaves open is closed."""
    line, *more = reason.strip().splitlines() or ["no reason given"]
    too_long = len(line) > REASON_CHARS
    cut_quotation = False
    if too_long or more:
        line = line[: REASON_CHARS - 1] if too_long else line
        cut_quotation = line.count('"') % 2 == 1
    line = line.rstrip(". ") + ("…" if too_long or cut_quotation else "")
    return f'{line}"' if cut_quotation else line


@dataclass(frozen=True)
class FailureReason:
    """`status` is the model's HTTP status, 0 if it did not respond, None if the failure is not a response of the model."""

    status: int | None
    expired: bool

    @property
    def of_the_input(self) -> bool:
        """Whether the model refused the input."""
        return self.status is not None and 400 <= self.status < 500

    @classmethod
    def parse(cls, text: str) -> FailureReason:
        """Read the beginning of `text`, the content of a failure object or of a notification."""
        response = _MODEL_RESPONSE.match(text.lstrip())
        if response is not None:
            return cls(int(response["status"]), expired=False)
        return cls(None, expired=_EXPIRED.match(text.lstrip()) is not None)
