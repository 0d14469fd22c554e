"""Actions of alarms that change their state: messages to SNS topics. Scaling follows each minute; see scalable_targets.py."""

from __future__ import annotations

import json
from typing import Any

from async_endpoint.autoscaling.alarms import AlarmState
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.delivery_permissions import may_use_key, resource_allows
from async_endpoint.emulator.scaling import alarm_messages
from async_endpoint.emulator.scaling.alarm_definitions import ARN
from async_endpoint.emulator.scaling.alarm_history import AlarmHistory
from async_endpoint.emulator.scaling.alarm_messages import StateChange
from async_endpoint.local_aws import ACCOUNT_ID

SERVICE = "cloudwatch.amazonaws.com"
ROOT = f"arn:aws:iam::{ACCOUNT_ID}:root"


class ActionFailed(Exception):
    """An action could not be executed; the message goes into the alarm's history."""


def execute(alarm: Any, change: StateChange, history: AlarmHistory) -> None:
    """Execute the actions of `alarm`, moto's, for its new state, and record them in its history."""
    actions = {AlarmState.ALARM: alarm.alarm_actions, AlarmState.OK: alarm.ok_actions}
    for action in actions.get(AlarmState(change.new), alarm.insufficient_data_actions) if alarm.actions_enabled else ():
        data: dict[str, Any] = {
            "actionState": "Succeeded",
            "stateUpdateTimestamp": round(change.when * 1_000),
            "notificationResource": action,
        }
        summary = f"Successfully executed action {action}"
        try:
            published = _execute(alarm, change, action)
            data |= {"publishedMessage": json.dumps({"default": json.dumps(published)})} if published else {}
        except Exception as failure:  # the other actions must still be executed
            why = str(failure) or type(failure).__name__
            data |= {"actionState": "Failed", "error": why}
            summary = f'Failed to execute action {action}. Received error: "{why}"'
        history.add(alarm, change.when, "Action", summary, json.dumps(data))


def _execute(alarm: Any, change: StateChange, action: str) -> dict[str, Any] | None:
    """Execute one action; returns the message that was published, if any. Raises ActionFailed."""
    if not ARN.fullmatch(action):
        raise ActionFailed(f"Invalid arn syntax: {action}")
    service = action.split(":")[2]
    if service == "autoscaling":
        return None
    if service != "sns":
        raise ActionFailed("The local AWS executes actions of Amazon SNS and of Application Auto Scaling only.")
    message = alarm_messages.message(alarm, change)
    _check_topic(alarm, action)
    moto_backends.publish(action, alarm.region_name, message, alarm_messages.subject(alarm, change))
    return message


def _check_topic(alarm: Any, arn: str) -> None:
    context = {
        "aws:SourceArn": alarm.alarm_arn,
        "aws:SourceAccount": ACCOUNT_ID,
        "aws:SourceOwner": ACCOUNT_ID,
        "aws:SecureTransport": "true",
    }
    try:
        topic = moto_backends.topic(arn, alarm.region_name)
    except moto_backends.ResourceNotFound as error:
        raise ActionFailed(str(error)) from error
    # The default policy of a topic allows its owner's account to publish, and alarms publish on the account's behalf.
    principals = [(SERVICE, context), (ROOT, context)]
    if not any(resource_allows(who, "sns:Publish", arn, topic.policy, what) for who, what in principals):
        raise ActionFailed(f"Resource: {alarm.alarm_arn} is not authorized to perform: SNS:Publish on resource: {arn}")
    if topic.kms_key and not may_use_key(SERVICE, topic.kms_key, alarm.region_name, context):
        raise ActionFailed("CloudWatch Alarms does not have authorization to access the SNS topic encryption key.")
