"""Answers: the error envelope, and what a fault makes of an answer."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from email.utils import format_datetime

from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from devstack.partner_center.faults import Fault

_JSON = "application/json"


class ApiError(Exception):
    """The call is answered with the error envelope."""

    def __init__(self, status: int, code: str, message: str) -> None:
        """Holds what the envelope says."""
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def envelope(status: int, code: str, message: str) -> JSONResponse:
    """The error envelope of Partner Center."""
    return JSONResponse({"error": {"code": code, "message": message}}, status)


class NoAnswer(Response):
    """Closes the connection in place of an answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Closes it, and waits until the server has noticed: it would answer 500 otherwise."""
        scope["state"]["transport"].close()
        while (await receive())["type"] != "http.disconnect":
            pass


async def struck(fault: Fault, answer: Response | None, now: datetime) -> Response:
    """What a fault makes of an answer, `None` if the call was not carried out."""
    await asyncio.sleep(fault.delay_seconds)
    if fault.drop:
        return NoAnswer()
    if fault.status is not None or answer is None:
        return _refusal(fault, now)
    if fault.drip_every_seconds:
        return StreamingResponse(_drip(answer, fault), answer.status_code, media_type=_JSON)
    if fault.pad_bytes:
        padded = bytes(answer.body) + b" " * fault.pad_bytes
        return Response(padded, answer.status_code, media_type=_JSON)
    return answer


def _refusal(fault: Fault, now: datetime) -> Response:
    status = fault.status or 500
    headers = dict(fault.headers)
    if fault.retry_after_seconds is not None:
        headers["Retry-After"] = str(fault.retry_after_seconds)
        if fault.retry_after_as_date:
            # Whole seconds only: rounded up, so that the date is never too early.
            due = now + timedelta(seconds=fault.retry_after_seconds + 1)
            headers["Retry-After"] = format_datetime(due, usegmt=True)
    answer = (
        envelope(status, fault.code, fault.message)
        if fault.body is None
        else Response(fault.body, status, media_type="text/html")
    )
    answer.headers.update(headers)
    return answer


async def _drip(answer: Response, fault: Fault) -> AsyncIterator[bytes]:
    yield bytes(answer.body)
    while True:
        await asyncio.sleep(fault.drip_every_seconds)
        yield b" "
