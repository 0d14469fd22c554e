"""The application: routes, the one handler of errors, and what runs beside requests. It holds no state of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from async_endpoint.core.errors import AsyncEndpointError
from async_endpoint.http_api.access.origins import OriginGuard
from async_endpoint.http_api.head_requests import HeadRequests
from async_endpoint.http_api.openapi import describe, problem_responses
from async_endpoint.http_api.problems import Problem, ProblemResponses, respond
from async_endpoint.http_api.request_context import RequestContext
from async_endpoint.http_api.routes import capacity_plots, console, endpoints, events, outputs, predictions, uploads, webhooks
from async_endpoint.http_api.served_endpoint import ServedEndpoint, Services
from async_endpoint.http_api.settings import ApiSettings
from async_endpoint.http_api.webhooks.background import deliveries

Background = Callable[[ApiSettings, Services, Mapping[str, ServedEndpoint]], AbstractContextManager[object]]

ROUTERS: Final = (  # below /v1
    endpoints.router,
    predictions.router,
    uploads.router,
    outputs.router,
    events.router,
    webhooks.router,
    capacity_plots.router,
)
BACKGROUND: Final[tuple[Background, ...]] = (deliveries,)  # entered when the process begins to serve


def create_application(settings: ApiSettings, services: Services) -> FastAPI:
    """The ASGI application that serves `settings.endpoints`."""
    served = {name: ServedEndpoint.create(endpoint, settings, services) for name, endpoint in settings.endpoints.items()}

    @asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as running:
            for begin in BACKGROUND:
                running.enter_context(begin(settings, services, served))
            yield

    application = FastAPI(
        title="async-endpoint",
        version="1",
        docs_url=None,  # its page loads scripts of another origin
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    application.state.settings, application.state.services, application.state.endpoints = settings, services, served
    for router in ROUTERS:
        application.include_router(router, prefix="/v1")
    application.include_router(console.router)
    application.add_api_route(
        "/healthz", _healthy, methods=["GET"], tags=["process"], responses=problem_responses("forbidden-origin")
    )
    application.openapi = lambda: describe(application)  # type: ignore[method-assign]
    for kind in (Problem, AsyncEndpointError, HTTPException):
        application.add_exception_handler(kind, respond)
    application.add_exception_handler(RequestValidationError, _invalid)
    # the last one added is the outermost
    application.add_middleware(ProblemResponses)
    application.add_middleware(HeadRequests)
    application.add_middleware(OriginGuard, keys_required=settings.keys_required, cors_origins=settings.cors_origins)
    application.add_middleware(RequestContext)
    return application


async def _healthy() -> Response:
    """Whether this process serves requests; calls nothing."""
    return JSONResponse({"status": "ok"})


async def _invalid(request: Request, error: Exception) -> Response:
    """A parameter of the path or the query that its declaration does not allow."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"][1:])
    return Problem("invalid-request", f"Parameter {name}: {first['msg']}.").response(request.scope["path"])
