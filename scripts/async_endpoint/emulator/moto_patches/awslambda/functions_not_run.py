"""Functions that are stored and never run. moto runs them in Docker, and a delivery to one fails where that is missing.

`Invoke` is refused by name. Whatever delivers to a function (an event source mapping, a log subscription, a rule, a bucket, a
topic) works without the delivery, which is logged; the messages of a mapped queue stay in it, for any consumer.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.awslambda.responses import LambdaResponse
from moto.backends import get_backend

_log = logging.getLogger(__name__)
_create_mapping = LambdaBackend.create_event_source_mapping
_answer_creation = LambdaResponse.create_event_source_mapping
_answer_permission = LambdaResponse.add_permission


def _refused(_: Any) -> Any:
    raise NotImplementedError("Invoke")


def _not_invoked(self: Any, *_: Any) -> str:
    _log.warning("%s was not invoked: the local AWS stores functions and does not run them.", self.function_arn)
    return ""


def _not_delivered(self: Any, function_name: str, qualifier: str | None, **_: Any) -> str:
    """EventBridge's way to call a function."""
    return _not_invoked(self.get_function(function_name, qualifier))


def _mapped(self: Any, spec: dict[str, Any]) -> Any:
    """A mapping that takes nothing from its queue; moto takes each message while it is being sent."""
    mapping = _create_mapping(self, spec)
    for queue in list(get_backend("sqs")[self.account_id][self.region_name].queues.values()):
        if queue.queue_arn == spec["EventSourceArn"]:
            _log.warning("%s is not read from: the local AWS does not run functions.", queue.queue_arn)
            queue.lambda_event_source_mappings.clear()
    return mapping


def _accepted(self: Any) -> Any:
    """CreateEventSourceMapping answers 202, and without tags (service model); moto answers 201."""
    _, _, body = _answer_creation(self)
    document = json.loads(body)
    document.pop("Tags", None)
    return 202, {"status": 202}, json.dumps(document)


def _permitted(self: Any) -> Any:
    """AddPermission answers 201 (service model); moto answers 200."""
    return 201, {"status": 201}, _answer_permission(self)


def apply() -> None:
    LambdaResponse.invoke = _refused
    LambdaResponse.invoke_async = _refused
    LambdaFunction.invoke = _not_invoked
    LambdaBackend.invoke = _not_delivered
    LambdaBackend.create_event_source_mapping = _mapped
    LambdaResponse.create_event_source_mapping = _accepted
    LambdaResponse.add_permission = _permitted
