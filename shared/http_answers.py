"""What an HTTP trigger answers: JSON, and Partner Center's own error envelope when it goes wrong.

No traceback, and nothing of the settings, reaches a caller.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

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
        self.headers = dict(headers or {})


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

    @property
    def body(self) -> bytes:
        """The JSON as bytes."""
        return json.dumps(self.members).encode()


def answer(serve: Callable[[], HttpAnswer]) -> HttpAnswer:
    """The answer, or the one that says what went wrong."""
    try:
        return serve()
    except ProblemError as problem:
        return _problem(problem)
    except ConfigurationError as error:
        settings_unusable(error)
        return _problem(
            unavailable(
                f"The {error.part} settings of this deployment are wrong; its log says what is."
            )
        )
    except Exception as error:
        event("request-crashed", level=logging.ERROR, reason=f"{type(error).__name__}: {error}")
        return _problem(
            ProblemError(500, "InternalServerError", "The request failed; the log says why.")
        )


def _problem(problem: ProblemError) -> HttpAnswer:
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if problem.status_code == 503 else {}
    members = {"error": {"code": problem.code, "message": str(problem)}}
    return HttpAnswer(problem.status_code, members, {**headers, **problem.headers})
