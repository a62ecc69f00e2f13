"""What HTTP triggers answer: mostly JSON, and Partner Center's own error envelope if it goes wrong.

No traceback, and nothing of the settings, reaches a caller.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from shared.errors import ConfigurationError, OfferCancelError
from shared.telemetry import event, settings_unusable

RETRY_AFTER_SECONDS = 15


class ProblemError(OfferCancelError):
    """The request is not served; the caller is told this status, code and sentence."""

    def __init__(
        self, status_code: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer with this status, these headers and the error envelope."""
        super().__init__(message)
        self.status_code = status_code
        self.code = code
        later = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status_code == 503 else {}
        self.headers = {**later, **(headers or {})}


def bad_request(message: str) -> ProblemError:
    """400, with what is wrong and where: a sentence without its full stop."""
    return ProblemError(400, "BadRequest", f"{message}.")


def unavailable(message: str) -> ProblemError:
    """503, with what the caller should do."""
    return ProblemError(503, "ServiceUnavailable", message)


@dataclass(frozen=True)
class HttpAnswer:
    """A JSON answer."""

    status_code: int
    members: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"

    @property
    def body(self) -> bytes:
        """The JSON as bytes."""
        return json.dumps(self.members).encode()


class Answer(Protocol):
    """What an HTTP trigger sends, in whatever form."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """All but the type of the body."""

    @property
    def media_type(self) -> str:
        """The type of the body."""

    @property
    def body(self) -> bytes:
        """The body, in UTF-8."""


def answer[T](serve: Callable[[], T]) -> T | HttpAnswer:
    """The answer, or the one that says as JSON what went wrong."""
    return answered(serve, _problem)


def answered[T, U](serve: Callable[[], T], tell: Callable[[ProblemError], U]) -> T | U:
    """The answer, or what tells of the problem that came up instead."""
    try:
        return serve()
    except ProblemError as problem:
        return tell(problem)
    except ConfigurationError as error:
        settings_unusable(error)
        return tell(
            unavailable(
                f"The {error.part} settings of this deployment are wrong; its log says what is."
            )
        )
    except Exception as error:
        event("request-crashed", level=logging.ERROR, reason=f"{type(error).__name__}: {error}")
        return tell(
            ProblemError(500, "InternalServerError", "The request failed; the log says why.")
        )


def _problem(problem: ProblemError) -> HttpAnswer:
    members = {"error": {"code": problem.code, "message": str(problem)}}
    return HttpAnswer(problem.status_code, members, problem.headers)
