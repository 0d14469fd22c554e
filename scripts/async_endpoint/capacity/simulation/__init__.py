"""A discrete-event simulation of one asynchronous endpoint: requests, instances, and the scaling rules of `autoscaling`.

It follows the local AWS (emulator/hosting, emulator/scaling) event by event and calls the same functions for alarms and
decisions. Times are epoch seconds, and minutes end at multiples of 60.

- **Request**: first in, first out. It starts on the instance with the fewest requests of those with free concurrency, the
  oldest of several. It expires `request_ttl_seconds` after its arrival unless it has started.
- **Service time**: that of the workload times the slowdown at the number of requests on the instance when it starts.
- **Wait**: from arrival to the start of service; after a death, of the last start. **Latency**: to the end of service.
- **Late requests**: those without an outcome at the window's end. Simulation continues until the last of them has one, with
  the same rules; they count in every figure, and so does the instance time until then.
- **Billing** (A290, A291): an instance is billed by the second from its launch to its stop, so start-up and draining included,
  for at least MINIMUM_BILLED_SECONDS. Instances in service at the window's start are billed from there, and those that remain
  at the end of simulation until there.
- **Draining**: scale-in stops instances that do not serve yet first, then those with the fewest requests, which finish first.
- **Death** (`deaths`): at each time the oldest instance in service dies, or the oldest one that starts if none serves, or none.
  Its requests go to the front of the queue; a request fails with its third death (A138). The replacement starts 30 s later,
  twice as late with every further death before an instance is in service, at most 600 s.
- **Minute**: its metrics are published at its end with the backlog of that moment (A170, A171); then alarms are evaluated,
  scheduled actions that fell due are run, and one decision is made unless instances are starting or draining because of an
  earlier one. A cooldown begins with the first minute's end at which a change of capacity is complete.
- **Start**: no minute has been published, alarms have INSUFFICIENT_DATA, and `Settings.initial` instances are in service.
"""

from __future__ import annotations

from async_endpoint.capacity.simulation.engine import simulate
from async_endpoint.capacity.simulation.fleet import MINIMUM_BILLED_SECONDS
from async_endpoint.capacity.simulation.outcome import Activity, Minute, Outcome
from async_endpoint.capacity.simulation.publication import DEFAULT, Publication
from async_endpoint.capacity.slowdown import NONE, Slowdown

__all__ = ["DEFAULT", "MINIMUM_BILLED_SECONDS", "NONE", "Activity", "Minute", "Outcome", "Publication", "Slowdown", "simulate"]
