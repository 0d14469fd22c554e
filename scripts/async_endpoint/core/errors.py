"""The errors of this package, one tree; the command line's exit code is that of the class.

    AsyncEndpointError                 exit code
    ├── WorkFailed                     1  the work was executed and failed
    │   ├── InvocationFailed              the model or the service reported a failure
    │   │   └── InvocationExpired         its time to live passed before an instance took it
    │   ├── TerraformFailed               a Terraform command ended with an error
    │   ├── SmokeTestFailed               at least one check of a smoke test failed
    │   ├── AnswersDiffer                 two endpoints do not answer the same
    │   └── BatchFailed                   a batch completed, and some of its items failed
    ├── UsageError                     2  the request cannot be executed as given
    │   ├── InvalidInput                  an argument, a file or a URI is invalid
    │   ├── ResultUnreadable              a result exists but may not be read
    │   ├── CredentialsExpired            the session's credentials have expired, and there are no newer ones
    │   ├── WrongRegion                   a bucket is in another region than the session
    │   ├── BucketMissing                 a bucket does not exist, or no longer
    │   ├── ResultNotJson                 a result was decoded as JSON and is not
    │   ├── UnknownEnvironment            no folder of that name under envs/
    │   ├── UnknownEndpoint               the environment has no endpoint of that name
    │   ├── PlanDamaged                   a kept plan or its record cannot be read, or was changed
    │   ├── AmbiguousEndpoint             the environment has several endpoints, and the command takes one
    │   └── PackageLayoutError            a model folder does not follow the archive layout
    ├── NotReady                       3  something needed is missing or not ready yet
    │   ├── ToolMissing                   a program is absent or too old
    │   │   └── ExtraMissing                  an optional dependency of this package is not installed
    │   ├── LocalAwsNotRunning            no local AWS answers at its address
    │   │   └── LocalAwsDenied                it is running and rejects this user's token
    │   ├── NotApplied                    nothing of the environment has been applied
    │   ├── DoctorFailed                  the doctor found what stops a deployment
    │   ├── EndpointNotReady              the endpoint is unknown, creating, or failed
    │   │   └── EndpointDeleted               it was deleted while requests were waiting for their results
    │   ├── StateNotSaved                 an apply could not write its state, and it cannot be written now
    │   ├── StateLocked                   another command holds the Terraform state, or left its lock behind
    │   └── ResultNotReady                the deadline passed with neither output nor failure; also a TimeoutError
    │       ├── Abandoned                     the client was closed after sending, before the outcome was known
    │       └── ResultDeleted                 its result is gone, as by the bucket's lifecycle
    └── Refused                        4  the operation is possible but unsafe
        ├── BucketNotEmpty                a bucket to delete has objects and must not be emptied
        ├── DriftFound                    something has changed outside Terraform since the last apply
        ├── EndpointInUse                 an endpoint to retire is still called
        ├── ImportedInUse                 a role, topic or bucket to delete existed before, and others still use it
        ├── KeyInUse                      results that stay are encrypted with a key to delete
        ├── OrphansFound                  resources to create already exist outside the Terraform state
        ├── OwnedElsewhere                a stack or another Terraform state owns what is to be adopted
        ├── PlanForeign                   a kept plan is for another environment, account, checkout or version
        ├── PlanNameTaken                 other changes are stored under that name, and are not replaced
        ├── PlanNotApproved               the changes are not those that were approved
        ├── PlanStale                     the state has changed since a kept plan was made
        ├── PolicyInUse                   a policy to delete is attached, or the command runs as the role to delete
        ├── QuotaTooLow                   a plan needs more instances at once than the account's quota allows
        ├── ReplacementRefused            a plan deletes a serving endpoint and creates it again
        ├── RollbackAlarmFiring           an alarm that would roll an update back at once is in ALARM
        ├── RolledBack                    an endpoint still serves its previous configuration
        ├── StateBucketUnsafe             a bucket that exists lacks what protects states in it
        ├── WrongAccount                  the credentials are of another account than the environment's
        └── VerificationFailed            the live configuration is not the planned one

A message is one sentence that names the thing, says what was found, and what to do.
"""

from __future__ import annotations

from typing import ClassVar


class AsyncEndpointError(Exception):
    """Root of the tree; `exit_code` is that of the command line."""

    exit_code: ClassVar[int] = 1

    def append(self, sentence: str) -> None:
        """Add a sentence to the message, for a second error that must not hide the class of the first."""
        self.args = (f"{self} {sentence}",)


class WorkFailed(AsyncEndpointError):
    """The work was executed and failed."""


class InvocationFailed(WorkFailed):
    """An invocation ended in its failure location.

    `reason` is the service's or the model's own text, `failure_location` the S3 URI of the failure object if one is known.
    `status` is the HTTP status of the model's response, 0 if it did not respond, None for other failures.
    """

    def __init__(
        self, message: str, *, reason: str = "", failure_location: str | None = None, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.reason, self.status = reason, status
        self.failure_location = failure_location


class InvocationExpired(InvocationFailed):
    """A request's time to live passed before an instance took it."""


class TerraformFailed(WorkFailed):
    """A Terraform command ended with an error. `addresses` are the resources that its errors name."""

    def __init__(self, message: str, *, addresses: frozenset[str] = frozenset()) -> None:
        super().__init__(message)
        self.addresses = addresses


class SmokeTestFailed(WorkFailed):
    """At least one check of a smoke test failed."""


class AnswersDiffer(WorkFailed):
    """A real-time and an asynchronous endpoint do not answer the same inputs in the same way."""


class BatchFailed(WorkFailed):
    """A batch completed, and some of its items failed."""


class UsageError(AsyncEndpointError):
    """The request cannot be executed as given."""

    exit_code = 2


class InvalidInput(UsageError):
    """An argument, a file, a URI or a field has an invalid value."""


class ResultUnreadable(UsageError):
    """A result or a failure object exists, but the caller may not read it, or no longer."""


class CredentialsExpired(UsageError):
    """The credentials of the session have expired, and nothing provides newer ones."""


class WrongRegion(UsageError):
    """A bucket is in another region than the session."""


class BucketMissing(UsageError):
    """A bucket does not exist, or no longer."""


class ResultNotJson(UsageError):
    """A result was to be decoded as JSON and is not."""


class UnknownEnvironment(UsageError):
    """There is no environment of that name under envs/."""


class UnknownEndpoint(UsageError):
    """The environment has no endpoint of that name."""


class AmbiguousEndpoint(UsageError):
    """The environment has several endpoints, and the command takes one."""


class PlanDamaged(UsageError):
    """A kept plan, or its record, is none, or was changed after it was made."""


class PackageLayoutError(UsageError):
    """A model folder does not follow the layout of a model archive."""


class NotReady(AsyncEndpointError):
    """Something that is needed is missing, unreachable, or not ready yet."""

    exit_code = 3


class ToolMissing(NotReady):
    """A program this command needs is absent or too old."""


class ExtraMissing(ToolMissing):
    """An extra of this distribution, such as [local], is not installed."""


class LocalAwsNotRunning(NotReady):
    """No local AWS answers at its address."""


class LocalAwsDenied(LocalAwsNotRunning):
    """The local AWS is running and rejects this user's token."""


class NotApplied(NotReady):
    """Nothing of the environment has been applied."""


class DoctorFailed(NotReady):
    """The doctor found something that stops an environment from being deployed or from serving."""


class EndpointNotReady(NotReady):
    """The endpoint is unknown, still creating, or failed."""


class EndpointDeleted(EndpointNotReady):
    """The endpoint was deleted while requests were waiting for their results."""


class StateLocked(NotReady):
    """The Terraform state is locked by a running command, or by a killed one that left its lock behind."""


class StateNotSaved(NotReady):
    """The state after an apply could not be written to its backend, and is kept in a file of this checkout."""


class ResultNotReady(NotReady, TimeoutError):
    """The deadline passed with neither an output nor a failure object. A TimeoutError too, as futures raise."""


class Abandoned(ResultNotReady):
    """The client was closed before the outcome of a request was known; it may still arrive."""


class ResultDeleted(ResultNotReady):
    """The result of a request is gone, as by the lifecycle of its bucket."""


class Refused(AsyncEndpointError):
    """The operation is possible but unsafe."""

    exit_code = 4


class BucketNotEmpty(Refused):
    """A plan deletes a bucket that is not empty, and `force_destroy` is not set."""


class DriftFound(Refused):
    """What is live has changed outside Terraform since the last apply."""


class EndpointInUse(Refused):
    """An endpoint to retire has been called lately."""


class ImportedInUse(Refused):
    """A plan deletes a role, topic or bucket that existed before its deployment and that others still use."""


class KeyInUse(Refused):
    """A plan deletes a KMS key, and results that are encrypted with it stay."""


class OrphansFound(Refused):
    """Resources that a plan would create already exist outside the Terraform state."""


class OwnedElsewhere(Refused):
    """A CloudFormation stack or another Terraform state owns a resource that is to be adopted."""


class PlanForeign(Refused):
    """A kept plan is for another environment, region, account or local AWS, or was made with other files or versions."""


class PlanNameTaken(Refused):
    """A plan is stored under that name already, and changes something else."""


class PlanNotApproved(Refused):
    """What a plan changes is not what was approved, or nothing was approved under that name."""


class PlanStale(Refused):
    """The state has changed since a kept plan was made."""


class PolicyInUse(Refused):
    """A plan deletes an IAM policy that something else has attached, or the role that the command runs as."""


class QuotaTooLow(Refused):
    """A plan needs more instances of a type at once than the account's quota for endpoints allows."""


class RolledBack(Refused):
    """An endpoint was not updated and still serves its previous configuration.

    `endpoint` is its name, `reason` the service's or Terraform's own text, `log` the last lines of the instances that failed.
    """

    def __init__(self, message: str, *, endpoint: str, reason: str = "", log: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.endpoint = endpoint
        self.reason = reason
        self.log = log


class StateBucketUnsafe(Refused):
    """A bucket that exists, and was not made by bootstrap, lacks what protects states in it."""


class WrongAccount(Refused):
    """The credentials are of another AWS account than the environment's."""


class ReplacementRefused(Refused):
    """A plan deletes and recreates a serving endpoint, and replacement was not allowed."""


class RollbackAlarmFiring(Refused):
    """A plan updates an endpoint whose rollback alarm is in ALARM, which ends the update as soon as it begins."""


class VerificationFailed(Refused):
    """After an apply, the live configuration is not the planned one."""
