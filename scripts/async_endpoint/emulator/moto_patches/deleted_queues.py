"""CreateQueue within 60 seconds of DeleteQueue: SQS refuses the name of a queue that was just deleted; moto creates it.

SQS API reference, DeleteQueue and CreateQueue; the text as LocalStack's test_sqs.snapshot.json, recorded on AWS, has it. The
seconds are AWS seconds, by the local AWS's clock.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Final

from moto.core.responses import ActionResult
from moto.sqs.exceptions import SQSException
from moto.sqs.models import SQSBackend
from moto.sqs.responses import SQSResponse

from async_endpoint.emulator.hosting.service import Hosting

NAME_IS_FREE_AFTER: Final = 60
_DELETED: Final = "deleted_queues"  # member of a backend: AWS seconds by name
_delete_queue = SQSBackend.delete_queue
_create_queue = SQSResponse.create_queue


def apply(hosting: Hosting) -> None:
    clock = hosting.clock

    def delete_queue(self: SQSBackend, queue_name: str) -> None:
        _delete_queue(self, queue_name)
        now = clock.now()
        deleted = _deleted(self)
        for name in [name for name, at in [*deleted.items()] if not _is_recent(now, at)]:
            deleted.pop(name, None)
        deleted[queue_name] = now

    def create_queue(self: SQSResponse) -> ActionResult:
        name, backend = str(self._get_param("QueueName")), self.sqs_backend
        at = _deleted(backend).get(name)
        if at is not None and name not in backend.queues and _is_recent(clock.now(), at):
            raise SQSException(
                "AWS.SimpleQueueService.QueueDeletedRecently",
                f"You must wait {NAME_IS_FREE_AFTER} seconds after deleting a queue before you can create another with the "
                "same name.",
            )
        return _create_queue(self)

    SQSBackend.delete_queue = delete_queue
    SQSResponse.create_queue = create_queue


def _deleted(backend: SQSBackend) -> MutableMapping[str, float]:
    found: MutableMapping[str, float] = backend.__dict__.setdefault(_DELETED, {})
    return found


def _is_recent(now: float, at: float) -> bool:
    """Also False for a time in the future, which the clock of another run has written."""
    return 0 <= now - at < NAME_IS_FREE_AFTER
