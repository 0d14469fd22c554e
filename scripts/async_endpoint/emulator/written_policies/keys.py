"""Key policies, in KMS's words.

Texts: minimum-viable-dataspace-on-aws issue 6 (principals), terraform-aws-kms issue 14 (lockout). The lockout safety check asks
whether the caller could change the policy again (API reference, PutKeyPolicy, BypassPolicyLockoutSafetyCheck). KMS accepts a
statement without a Resource, which then has no effect (developer guide, "Elements in a key policy"): refused here.
"""

from __future__ import annotations

import json
from typing import Final

from flask import has_request_context, request
from moto.core.exceptions import JsonRESTError

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.access.principals import principal_of
from async_endpoint.emulator.auth.identities import caller_of, local_user
from async_endpoint.emulator.written_policies.document import Malformed, read_policy
from async_endpoint.emulator.written_policies.principals import invalid_principal
from async_endpoint.emulator.wsgi import AUTHORIZED
from async_endpoint.iam import AccessRequest, evaluate_key
from async_endpoint.local_aws import ACCOUNT_ID

MAX_BYTES: Final = 32_768  # developer guide, "Resource quotas"
_ALLOW_ALL: Final = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


def check_key_policy(arn: str, text: str, *, bypass_lockout_check: bool) -> None:
    """Raise JsonRESTError for a policy that KMS refuses for the key `arn`, of the caller of the request being answered."""
    if len(text.encode()) > MAX_BYTES:
        raise JsonRESTError("LimitExceededException", f"The key policy is larger than {MAX_BYTES} bytes.")
    try:
        statements = read_policy(text)
    except Malformed as error:
        raise _malformed(str(error)) from error
    without = next((statement for statement in statements if not statement.resources), None)
    if without is not None:
        raise _malformed(f'{without.label} has no Resource, and so no effect; a key\'s policy names it as "*".')
    if invalid_principal(statements):
        raise _malformed("Policy contains a statement with one or more invalid principals.")
    if not bypass_lockout_check and not _caller_keeps_access(arn, text):
        raise _malformed("The new key policy will not allow you to update the key policy in the future.")


def _malformed(message: str) -> JsonRESTError:
    return JsonRESTError("MalformedPolicyDocumentException", message)


def _caller_keeps_access(arn: str, policy: str) -> bool:
    """Whether the caller may call PutKeyPolicy under a new policy; its own policies count with --enforce-iam only."""
    environ = request.environ if has_request_context() else {}
    principal = principal_of(caller_of(environ) or local_user(""))
    enforced = environ.get(AUTHORIZED) is True
    keys = {"aws:SecureTransport": "true", "aws:PrincipalAccount": ACCOUNT_ID, **principal.keys}
    asked = AccessRequest("kms:PutKeyPolicy", arn, principal.arn, keys, principal.session)
    own = principal.policies if enforced else (_ALLOW_ALL,)
    limits = (principal.boundary, principal.session_policies) if enforced else (None, None)
    try:
        return evaluate_key(asked, own, policy, *limits).allowed
    except InvalidInput as error:
        raise _malformed(str(error)) from error
