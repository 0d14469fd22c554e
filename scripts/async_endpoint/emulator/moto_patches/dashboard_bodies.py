"""PutDashboard refuses names and bodies that CloudWatch refuses, and says what is wrong; moto stores any JSON."""

from __future__ import annotations

from moto.cloudwatch.exceptions import DashboardInvalidInputError, InvalidParameterValue
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.scaling.dashboards import InvalidBody, check_dashboard

_put = CloudWatchResponse.put_dashboard


def apply() -> None:
    def put_dashboard(self: CloudWatchResponse) -> ActionResult:
        try:
            check_dashboard(str(self._get_param("DashboardName") or ""), str(self._get_param("DashboardBody") or ""))
        except InvalidBody as error:
            raise DashboardInvalidInputError(str(error)) from error
        except InvalidInput as error:
            raise InvalidParameterValue(str(error)) from error
        return _put(self)

    CloudWatchResponse.put_dashboard = put_dashboard
