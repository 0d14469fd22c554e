"""Errors of CloudFormation: those of its API, and the failure of one resource."""

from __future__ import annotations


class StackError(Exception):
    """An error response of the CloudFormation API (400)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ResourceFailed(Exception):
    """The creation, update or deletion of a resource failed; the text is the resource's status reason."""


class OperationCancelled(Exception):
    """The operation on a stack was cancelled by CancelUpdateStack, or the local AWS stops or is reset."""


def validation_error(message: str) -> StackError:
    """CloudFormation's ValidationError."""
    return StackError("ValidationError", message)


def missing_stack(name: str) -> StackError:
    """The error for a stack that does not exist, in CloudFormation's words."""
    return validation_error(f"Stack with id {name} does not exist")
