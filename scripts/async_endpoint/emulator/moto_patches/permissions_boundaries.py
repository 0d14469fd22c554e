"""Permissions boundaries of users and roles must exist; moto drops those of users, and takes any policy's ARN for a role."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.serialize import never_return
from moto.iam.exceptions import NotFoundException
from moto.iam.models import User
from moto.iam.responses import IamResponse

from async_endpoint.emulator.access import iam_store

_create_user = IamResponse.create_user
_create_role = IamResponse.create_role
_bound_role = IamResponse.put_role_permissions_boundary


def _creating(self: IamResponse) -> ActionResult:
    boundary = self._get_param("PermissionsBoundary")
    if boundary:
        _check(boundary)
    answer = _create_user(self)
    if boundary:
        self.backend.get_user(self._get_param("UserName")).permissions_boundary_arn = boundary
    return answer


def _put(self: IamResponse) -> ActionResult:
    boundary = str(self._get_param("PermissionsBoundary"))
    _check(boundary)
    self.backend.get_user(self._get_param("UserName")).permissions_boundary_arn = boundary
    return EmptyResult()


def _delete(self: IamResponse) -> ActionResult:
    user = self.backend.get_user(self._get_param("UserName"))
    if getattr(user, "permissions_boundary_arn", None) is None:
        raise NotFoundException(f"The user {user.name} does not have a permissions boundary.")
    user.permissions_boundary_arn = None
    return EmptyResult()


def _creating_role(self: IamResponse) -> ActionResult:
    boundary = self._get_param("PermissionsBoundary")
    if boundary:
        _check(boundary)
    return _create_role(self)


def _bounding_role(self: IamResponse) -> ActionResult:
    _check(str(self._get_param("PermissionsBoundary")))
    return _bound_role(self)


def _check(boundary: str) -> None:
    if not iam_store.exists(boundary):
        raise NotFoundException(f"Scope ARN: {boundary} does not exist or is not attachable.")


def _described(self: User) -> dict[str, Any] | None:
    arn = getattr(self, "permissions_boundary_arn", None)
    return {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn} if arn else None


def apply() -> None:
    """Add them, for the whole process."""
    IamResponse.create_user = _creating
    IamResponse.put_user_permissions_boundary = _put
    IamResponse.delete_user_permissions_boundary = _delete
    IamResponse.create_role = _creating_role
    IamResponse.put_role_permissions_boundary = _bounding_role
    User.permissions_boundary = property(_described)
    # The API reference of ListUsers: it returns neither tags nor boundaries.
    IamResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER["ListUsersResponse.Users.User.PermissionsBoundary"] = never_return
