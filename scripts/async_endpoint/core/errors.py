"""Every error this package raises on purpose.

    AsyncEndpointError                 exit code
    ├── WorkFailed                     1  the work was done and it failed
    │   ├── InvocationFailed              the model or the service answered with a failure
    │   │   └── InvocationExpired         its time to live passed before an instance took it
    │   ├── TerraformFailed               a Terraform command ended with an error
    │   ├── SmokeTestFailed               at least one check of a smoke test missed
    │   └── BatchFailed                   a batch has come to its end, and some of its items failed
    ├── UsageError                     2  what was asked for cannot be done as asked
    │   ├── InvalidInput                  an argument, a file or a URI is not usable
    │   ├── ResultUnreadable              a result is there and may not be read
    │   ├── UnknownEnvironment            no folder of that name under envs/
    │   ├── UnknownEndpoint               the environment has no endpoint of that name
    │   ├── AmbiguousEndpoint             the environment has several endpoints, and the command takes one
    │   └── PackageLayoutError            a model folder does not follow the archive layout
    ├── NotReady                       3  the other side is not there, or not yet
    │   ├── ToolMissing                   a program is absent or too old
    │   │   └── ExtraMissing                  an optional dependency of this package is not installed
    │   ├── LocalAwsNotRunning            nothing answers at the local AWS's address
    │   │   └── LocalAwsDenied                it runs, and does not accept this user's token
    │   ├── EndpointNotReady              the endpoint is unknown, creating, or failed
    │   ├── StateLocked                   another command holds the Terraform state, or left its lock behind
    │   └── ResultNotReady                the deadline passed with neither output nor failure; also a TimeoutError
    │       └── Abandoned                     the client was closed before the outcome was there
    └── Refused                        4  it could be done, and should not be
        ├── BucketNotEmpty                a bucket would be deleted that holds objects and must not be emptied
        ├── OrphansFound                  resources exist that are to be created and are not in the Terraform state
        ├── ReplacementRefused            a plan deletes a serving endpoint and creates it again
        ├── RolledBack                    an endpoint serves what it served before the apply
        └── VerificationFailed            what is live is not what was planned

A message is one sentence that names the thing, says what was found, and what to do.
"""

from __future__ import annotations

from typing import ClassVar


class AsyncEndpointError(Exception):
    """Root of the tree; `exit_code` is what the command line ends with."""

    exit_code: ClassVar[int] = 1

    def append(self, sentence: str) -> None:
        """Add a sentence to the message: a second fault must not hide what kind of error the first is."""
        self.args = (f"{self} {sentence}",)


class WorkFailed(AsyncEndpointError):
    """The work was carried out and did not succeed."""


class InvocationFailed(WorkFailed):
    """An invocation ended in its failure location.

    `reason` is the service's or the model's own text, `failure_location` the S3 URI of the failure object if one is known.
    """

    def __init__(self, message: str, *, reason: str = "", failure_location: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.failure_location = failure_location


class InvocationExpired(InvocationFailed):
    """A request's time to live passed before an instance took it."""


class TerraformFailed(WorkFailed):
    """A Terraform command ended with an error. `addresses` are the resources that its errors name."""

    def __init__(self, message: str, *, addresses: frozenset[str] = frozenset()) -> None:
        super().__init__(message)
        self.addresses = addresses


class SmokeTestFailed(WorkFailed):
    """At least one check of a smoke test missed."""


class BatchFailed(WorkFailed):
    """A batch has come to its end, and some of its items failed."""


class UsageError(AsyncEndpointError):
    """What was asked for cannot be done as asked."""

    exit_code = 2


class InvalidInput(UsageError):
    """An argument, a file, a URI or a field has a value that cannot be used."""


class ResultUnreadable(UsageError):
    """A result or a failure object is there, and the caller may not read it, or no longer."""


class UnknownEnvironment(UsageError):
    """There is no environment of that name under envs/."""


class UnknownEndpoint(UsageError):
    """The environment has no endpoint of that name."""


class AmbiguousEndpoint(UsageError):
    """The environment has several endpoints, and the command takes one."""


class PackageLayoutError(UsageError):
    """A model folder does not follow the layout of a model archive."""


class NotReady(AsyncEndpointError):
    """The other side is not reachable, or not ready yet."""

    exit_code = 3


class ToolMissing(NotReady):
    """A program this command needs is absent or too old."""


class ExtraMissing(ToolMissing):
    """An extra of this distribution, such as [local], is not installed."""


class LocalAwsNotRunning(NotReady):
    """Nothing answers at the local AWS's address."""


class LocalAwsDenied(LocalAwsNotRunning):
    """The local AWS runs and does not accept this user's token."""


class EndpointNotReady(NotReady):
    """The endpoint is unknown, still creating, or failed."""


class StateLocked(NotReady):
    """The Terraform state is locked: by a command that runs, or by one that was killed and left its lock behind."""


class ResultNotReady(NotReady, TimeoutError):
    """The deadline passed with neither an output nor a failure object. A TimeoutError too, as futures raise."""


class Abandoned(ResultNotReady):
    """The client was closed before a request had an outcome, which may still come."""


class Refused(AsyncEndpointError):
    """It could be done, and should not be."""

    exit_code = 4


class BucketNotEmpty(Refused):
    """A plan deletes a bucket that is not empty and that `force_destroy` does not allow to be emptied."""


class OrphansFound(Refused):
    """Resources that a plan would create exist already, and the Terraform state does not have them."""


class RolledBack(Refused):
    """An endpoint was not updated and serves what it served before.

    `endpoint` is its name, `reason` the service's or Terraform's own text, `log` the last lines of the instances that failed.
    """

    def __init__(self, message: str, *, endpoint: str, reason: str = "", log: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.endpoint = endpoint
        self.reason = reason
        self.log = log


class ReplacementRefused(Refused):
    """A plan deletes an endpoint that serves and creates it again, and that was not allowed."""


class VerificationFailed(Refused):
    """After an apply, what is live is not what was planned."""
