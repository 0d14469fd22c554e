"""A model server of FastAPI: an inference of some seconds that answers when it ran, and on which instance.

SageMaker runs an image as `docker run IMAGE serve` and expects `GET /ping` and `POST /invocations` at port 8080 of every
address (developer guide, inference code with hosting services).
"""

from __future__ import annotations

import os
import socket
import time
from typing import Annotated

import uvicorn
from fastapi import Body, FastAPI, HTTPException

SECONDS = float(os.environ.get("INFERENCE_SECONDS", "5"))

app = FastAPI()


@app.get("/ping")
def ping() -> dict[str, str]:
    """Whether the container can take requests. SageMaker waits two seconds for it, also while others are in progress."""
    return {"message": "ok"}


# Not `async def`: FastAPI runs it in a thread, so that /ping is answered meanwhile.
@app.post("/invocations")
def invocations(request: Annotated[dict[str, object], Body()]) -> dict[str, object]:
    """One inference; 400 (a client error, which callers need not retry) for a request without a message."""
    if not isinstance(request.get("message"), str):
        raise HTTPException(status_code=400, detail='expected {"message": TEXT}')
    begun = time.time()
    time.sleep(SECONDS)  # in place of an inference that takes its time
    return {"message": "finish", "instance": socket.gethostname(), "begun": begun, "ended": time.time()}


if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=8080, log_level="info")
