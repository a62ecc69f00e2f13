"""Microsoft's Python runtime: loading the app's functions into it and invoking them.

The runtime gets a thread and an event loop of its own. In Azure it is another process than the
host, and an ``async`` function that blocks must hold up neither lease renewal nor the clock here
either.
"""

import asyncio
import json
import logging
import re
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn
from uuid import uuid4

import azure_functions_runtime_v1 as python_runtime
from azure_functions_runtime_v1 import invocation_id_cv

from devstack.host import protos
from devstack.host.errors import AppLoadError
from devstack.host.function_json import FunctionDefinition
from devstack.host.protos import TypedData
from devstack.host.stopping import EXIT_FUNCTION_TIMEOUT, leave

_log = logging.getLogger(__name__)
_TRACEBACK_FRAME = re.compile(r'File "(.+)", line (\d+)')


@dataclass(frozen=True)
class InvocationResult:
    """How an invocation ended; what went wrong is in the log."""

    succeeded: bool
    return_value: TypedData | None = None


class FunctionRuntime:
    """The runtime, with the functions of one app."""

    def __init__(self, app: Path, function_timeout: timedelta | None) -> None:
        """Prepare it; nothing runs before ``start``."""
        self._app = app
        self._timeout = None if function_timeout is None else function_timeout.total_seconds()
        self._loop = asyncio.new_event_loop()

    def start(self) -> None:
        """Start the runtime in its own thread."""
        threading.Thread(target=self._loop.run_forever, name="python-runtime", daemon=True).start()
        python_runtime.start_threadpool_executor()
        self._call(
            python_runtime.worker_init_request(
                _request("worker_init_request", capabilities={}, protos=protos)
            )
        )

    def load(self, function: FunctionDefinition) -> None:
        """Import the function and check it against its bindings; raises AppLoadError."""
        metadata = SimpleNamespace(
            name=function.name,
            directory=str(self._app / function.name),
            script_file=str(function.script),
            entry_point=function.entry_point,
            bindings={
                name: protos.BindingInfo(
                    type=binding.type, direction=binding.direction, data_type=binding.data_type
                )
                for name, binding in function.bindings.items()
            },
        )
        request = _request("function_load_request", function_id=function.name, metadata=metadata)
        # The runtime logs some of the errors that it also returns, with all of sys.path.
        with _silenced(logging.getLogger("azure.functions")):
            response = self._call(python_runtime.function_load_request(request))
        if response.result.status != protos.StatusResult.Success:
            error = response.result.exception
            raise AppLoadError(f"{function.name}: {error.message}{self._place(error.stack_trace)}")

    async def invoke(
        self,
        function: FunctionDefinition,
        trigger: TypedData,
        trigger_metadata: Mapping[str, TypedData] | None = None,
    ) -> InvocationResult:
        """Run a function to its end; a failure is logged and told by the result.

        One that exceeds ``functionTimeout`` ends this process, as in Azure it ends the process
        of the worker, with every other invocation in it.
        """
        invocation_id = str(uuid4())
        request = _request(
            "invocation_request",
            invocation_id=invocation_id,
            function_id=function.name,
            input_data=[protos.ParameterBinding(name=function.trigger_parameter, data=trigger)],
            trigger_metadata=trigger_metadata or {},
            trace_context=SimpleNamespace(trace_parent="", trace_state="", attributes={}),
            retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
        )
        invocation = asyncio.run_coroutine_threadsafe(
            _in_context_of(invocation_id, python_runtime.invocation_request(request)), self._loop
        )
        try:
            async with asyncio.timeout(self._timeout):
                response = await asyncio.wrap_future(invocation)
        except TimeoutError:
            self._leave_for_timeout(function, invocation_id)
        if response.result.status == protos.StatusResult.Success:
            return InvocationResult(succeeded=True, return_value=response.return_value)
        error = response.result.exception
        logging.getLogger(f"Function.{function.name}").error(
            "invocation %s failed: %s\n%s", invocation_id, error.message, error.stack_trace.rstrip()
        )
        return InvocationResult(succeeded=False)

    def _call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _leave_for_timeout(self, function: FunctionDefinition, invocation_id: str) -> NoReturn:
        event = {
            "event": "function-timeout",
            "level": "error",
            "function": function.name,
            "invocationId": invocation_id,
            "functionTimeoutSeconds": self._timeout,
        }
        _log.error(json.dumps(event))
        leave(EXIT_FUNCTION_TIMEOUT)

    def _place(self, stack_trace: str) -> str:
        """Say where in the app an import failed: the runtime's message leaves that out."""
        for path, line in reversed(_TRACEBACK_FRAME.findall(stack_trace)):
            if Path(path).is_relative_to(self._app):
                return f" (at {Path(path).relative_to(self._app)}, line {line})"
        return ""


async def _in_context_of(invocation_id: str, invocation: Coroutine[Any, Any, Any]) -> Any:
    """Run it as the worker's dispatcher does: an async function logs by the id of its task."""
    invocation_id_cv.set(invocation_id)
    return await invocation


def _request(kind: str, protos: object = None, **fields: object) -> SimpleNamespace:
    return SimpleNamespace(
        properties={"host": "127.0.0.1", "protos": protos},
        request=SimpleNamespace(**{kind: SimpleNamespace(**fields)}),
    )


@contextmanager
def _silenced(logger: logging.Logger) -> Iterator[None]:
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
