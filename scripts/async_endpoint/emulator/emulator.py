"""The local AWS as one object: composition, start, status, reset and stop."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from werkzeug.wrappers import Response

from async_endpoint.core.errors import InvalidInput, WorkFailed
from async_endpoint.core.suspension import suspensions
from async_endpoint.emulator import moto_backends, not_emulated
from async_endpoint.emulator.access.enforcement import Enforcement
from async_endpoint.emulator.access.recorder import AccessRecorder
from async_endpoint.emulator.auth.credentials import load_secrets
from async_endpoint.emulator.auth.middleware import AuthMiddleware
from async_endpoint.emulator.browser_guard import BrowserGuard
from async_endpoint.emulator.call_counter import CallCounter
from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.cloudformation.service import CloudFormation
from async_endpoint.emulator.container.runtime import ContainerRuntime, PythonRuntime
from async_endpoint.emulator.faults.admin import FaultsAdmin
from async_endpoint.emulator.faults.deliveries import Deliveries
from async_endpoint.emulator.faults.middleware import FaultMiddleware
from async_endpoint.emulator.filter_delay import DEFAULT_FILTER_DELAY_MINUTES, FilterDelay
from async_endpoint.emulator.hosting.context import HostingContext
from async_endpoint.emulator.hosting.endpoint import HostedEndpoint
from async_endpoint.emulator.hosting.request_queue import AsyncInvocation
from async_endpoint.emulator.hosting.service import Hosting
from async_endpoint.emulator.http_server import Server
from async_endpoint.emulator.moto_patches import apply_patches
from async_endpoint.emulator.persistence import moto_state
from async_endpoint.emulator.persistence.state import PersistentState, StatefulPart
from async_endpoint.emulator.request_gate import RequestGate
from async_endpoint.emulator.router import STOP, Router
from async_endpoint.emulator.sagemaker.control_plane import ControlPlane
from async_endpoint.emulator.sagemaker.protocol import ApiError
from async_endpoint.emulator.sagemaker.runtime_api import RuntimeApi
from async_endpoint.emulator.sagemaker.tagging import patch_tagging_api
from async_endpoint.emulator.scaling.metric_store import MetricStore
from async_endpoint.emulator.scaling.minute_scheduler import MinuteScheduler
from async_endpoint.emulator.without_effect import stored_without_effect
from async_endpoint.emulator.wsgi import Environ
from async_endpoint.local_aws import ACCOUNT_ID, AccessKey, LocalAwsRecord, LocalCredentials, new_instance_id
from async_endpoint.workspace import make_private

DEFAULT_TIME_SCALE = 60.0
DEFAULT_LAUNCH_SECONDS = 60.0
RESET = "reset"
RESET_SECONDS = 5.0  # for requests in progress to complete


class Emulator:
    """moto's control planes and our hosting on one loopback port. At most one per process: moto's backends are global."""

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        time_scale: float = DEFAULT_TIME_SCALE,
        launch_seconds: float = DEFAULT_LAUNCH_SECONDS,
        containers: ContainerRuntime | None = None,
        state_dir: Path | None = None,
        access_key: AccessKey | None = None,
        on_reset: Callable[[LocalAwsRecord], None] = lambda _: None,
        filter_delay_minutes: float = DEFAULT_FILTER_DELAY_MINUTES,
        *,
        enforce_iam: bool = False,
    ) -> None:
        """Bind `port`; 0 chooses the port of the saved state, or a free one. Raises OSError when it is in use.

        `folder` holds the instances' files. `access_key` None uses the one of the saved state, or generates one. `on_reset`
        receives the new record after a reset. `filter_delay_minutes` are AWS minutes until a new SNS filter policy works.
        `enforce_iam`: callers may do what IAM allows them, as on AWS.
        Raises InvalidInput when `state_dir` cannot be used or has another version.
        """
        self._state = PersistentState(state_dir) if state_dir is not None else None
        resume_point = self._state.resume_point if self._state is not None else None
        self.instance_id = resume_point.instance_id if resume_point else new_instance_id(persistent=state_dir is not None)
        self.stopped = threading.Event()
        self._folder = folder / self.instance_id
        self.clock = ScaledClock(time_scale, resume_point.now if resume_point else None)
        runtime = containers or PythonRuntime()
        self._runs_images = not isinstance(runtime, PythonRuntime)
        context = HostingContext(self.clock, self._folder, launch_seconds, runtime)
        self.faults = context.faults
        self.hosting = Hosting(context)
        self._faults_admin = FaultsAdmin(self.faults, self.hosting)
        metric_store = MetricStore()
        self._scheduler = MinuteScheduler(self.hosting, metric_store)
        self._metric_store = metric_store
        self._deliveries = Deliveries(self.faults)
        self.filter_delay = FilterDelay(self.clock, 60 * filter_delay_minutes)
        apply_patches(self.hosting, metric_store, self._scheduler, self._deliveries, self.filter_delay)
        self._control = control = ControlPlane(self.hosting)
        patch_tagging_api(control)
        self._stacks = CloudFormation()
        self._parts: dict[str, StatefulPart] = {
            "metrics": metric_store,
            "hosting": self.hosting,
            "sagemaker": control,
            "scaling": self._scheduler,
            "cloudformation": self._stacks,
        }
        router = Router(control, RuntimeApi(self.hosting, self._journal_request), self._admin, self.stopped.set, self._stacks)
        self._entry = RequestGate(router)
        self.enforcement = Enforcement(FaultMiddleware(self._entry, self.faults), control.tags_of, enabled=enforce_iam)
        self._access = AccessRecorder(self.enforcement)
        self._calls = CallCounter(self._access)
        self._stacks.connect(self._calls)
        self._on_reset = on_reset
        self._resetting = threading.Lock()
        try:
            self._secrets = load_secrets(state_dir, access_key)
            self.gate = AuthMiddleware(self._calls, *self._secrets, lambda: self.instance_id)
            self._server = _serve(
                BrowserGuard(self.gate, moto_backends.cors_rules), self.gate, port, resume_point.port if resume_point else 0
            )
        except (InvalidInput, OSError):
            if self._state is not None:
                self._state.close()
            raise

    @property
    def record(self) -> LocalAwsRecord:
        return LocalAwsRecord(self._server.url, self.instance_id, os.getpid(), self.clock.scale, ACCOUNT_ID)

    @property
    def credentials(self) -> LocalCredentials:
        """The endpoint URL and credentials for clients."""
        key, token = self._secrets
        return LocalCredentials(self._server.url, key.access_key_id, key.secret_access_key, token)

    def start(self) -> None:
        """Restore the saved state, if any, and serve; raises InvalidInput when it cannot be read, or saved again."""
        make_private(self._folder)  # other users must not read or change model files
        if self._state is not None:
            try:
                self._state.restore(self._parts, self.hosting.requeue)
                self._state.start(self.instance_id, self._server.port, self.clock)
            except InvalidInput:
                self._state.close()
                self._stop_hosting()
                raise
        self._server.start()
        self._scheduler.start()

    def stop(self) -> None:
        """Close the port, save the state, then stop all instances; raises WorkFailed when saving fails."""
        self._scheduler.stop()
        self._stacks.cancel()
        self._server.stop()
        try:
            if self._state is not None:
                self._state.stop()
        finally:
            self._stop_hosting()

    def _stop_hosting(self) -> None:
        self.hosting.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def reset(self) -> LocalAwsRecord:
        """Delete all resources, in the state directory too; the address and AWS time stay, the instance id changes.

        Raises WorkFailed when the state directory could not be emptied.
        """
        with self._resetting:
            instance_id = new_instance_id(persistent=self._state is not None)
            try:
                if self._state is None:
                    self._clear()
                else:
                    self._state.reset(instance_id, self._clear)
            finally:
                self.instance_id = instance_id
                self._on_reset(self.record)
            return self.record

    def _clear(self) -> None:
        """Close endpoints before clearing moto, as they write to it. Calls in progress have RESET_SECONDS to complete."""
        self._stacks.cancel()
        with self._entry.closed(), self._scheduler.held():
            self.hosting.reset(RESET_SECONDS)
            self._entry.wait_empty(RESET_SECONDS)
            self.faults.clear()
            self._deliveries.clear()
            moto_state.reset()
            self._control.reset()
            self._stacks.restore({})
            self._metric_store.restore({})
            self._scheduler.reset()
            self._calls.clear()
            self.enforcement.denials.clear()

    def status(self) -> dict[str, Any]:
        """The status document: clock, and every endpoint with backlog and instances. Times are AWS seconds since the epoch."""
        calls = self._calls.by_service()
        return {
            "endpoint_url": self._server.url,
            "instance_id": self.instance_id,
            "pid": os.getpid(),
            "account_id": ACCOUNT_ID,
            "time_scale": self.clock.scale,
            "now": self.clock.now(),
            "endpoints": [self._endpoint_status(endpoint) for endpoint in self.hosting.all()],
            "state": self._state.status() if self._state is not None else None,
            "faults": self.faults.all(),
            "calls": calls,
            "remaining_interfaces": self.hosting.remaining_interfaces(),
            "stored_without_effect": stored_without_effect(calls),
            "iam": self.enforcement.status(),
            "not_emulated": list(not_emulated(enforces_iam=self.enforcement.enabled, runs_images=self._runs_images)),
        }

    @staticmethod
    def _endpoint_status(endpoint: HostedEndpoint) -> dict[str, Any]:
        backlog, age = endpoint.backlog()
        variants = endpoint.variants
        return {
            "name": endpoint.name,
            "region": endpoint.region,
            "status": endpoint.status,
            "config_name": endpoint.deployment.config_name,
            "failure_reason": endpoint.failure_reason,
            "desired_instances": sum(variant.desired for variant in variants),
            "serving_instances": sum(variant.serving for variant in variants),
            "variants": [
                {
                    "name": item.name,
                    "desired_instances": item.desired,
                    "serving_instances": item.serving,
                    "weight": item.weight,
                    "last_failure": item.fleet.last_failure if item.serving < item.desired else "",
                    "suspended_scaling": _suspended_scaling(endpoint.region, item.resource_id),
                }
                for item in variants
            ],
            "backlog": backlog,
            "oldest_request_seconds": age,
            "instances": [
                {"id": item.id, "state": item.state.value, "pid": item.pid, "in_flight": item.in_flight}
                for item in endpoint.instances
            ],
        }

    def _journal_request(self, endpoint: HostedEndpoint, invocation: AsyncInvocation) -> None:
        if self._state is None:
            return
        try:
            self._state.record_request(endpoint.region, endpoint.name, endpoint.created_at, invocation)
        except WorkFailed as error:
            raise ApiError("ServiceUnavailable", str(error), 503) from error

    def _admin(self, method: str, path: str, document: dict[str, Any]) -> dict[str, Any] | None:
        """The administration API under `/_local/`: status, reset, stop, faults, access. Raises InvalidInput, ApiError."""
        first, _, rest = path.partition("/")
        if first == "faults":
            return self._faults_admin.answer(method, rest, document)
        if path == "access":
            return self._access.admin(method, document)
        if (method, path) == ("GET", "status"):
            return self.status()
        if (method, path) == ("POST", RESET):
            return self._reset_response()
        if (method, path) == ("POST", STOP):
            return self._save_before_stop(lose_changes=bool(document.get("lose_changes")))
        return None

    def _reset_response(self) -> dict[str, Any]:
        try:
            return asdict(self.reset())
        except WorkFailed as error:
            raise ApiError("StateNotSaved", str(error)) from error

    def _save_before_stop(self, *, lose_changes: bool) -> dict[str, Any]:
        """Save the state; ApiError when that fails, unless `lose_changes`. The stop begins after the response."""
        if self._state is not None and not lose_changes:
            try:
                self._state.save()
            except WorkFailed as error:
                raise ApiError("StateNotSaved", str(error)) from error
        return {"stopping": True}


def _serve(guard: BrowserGuard, gate: AuthMiddleware, port: int, before: int) -> Server:
    """Bind `port`; for port 0 the one used `before`, which queue URLs contain, if it is free."""

    def refusal(environ: Environ) -> Response | None:
        refused = guard.refusal(environ)
        return gate.refusal(environ) if refused is None else refused

    if port == 0 and before:
        try:
            return Server(before, guard, refusal)
        except OSError:
            pass
    return Server(port, guard, refusal)


def _suspended_scaling(region: str, resource_id: str) -> list[str]:
    """The suspended scaling of a variant (core/suspension.py)."""
    target = moto_backends.scalable_target(region, resource_id)
    return suspensions({"SuspendedState": target.suspended_state or {}}) if target is not None else []
