"""Who comes to the simulator in tests: a caller with the right token, and a clock set by hand."""

from collections.abc import Mapping

import requests

from devstack.partner_center.simulator import Simulator

_TIMEOUT_SECONDS = 10
_BODY = {"metadata": {"notification-emails": "a@contoso.com"}}
_VERSION = {"api-version": "2017-10-31"}


class HandClock:
    """A clock that stands still until it is moved, for `Simulator(clock=…)`."""

    def __init__(self) -> None:
        """Starts at zero."""
        self._seconds = 0.0

    def __call__(self) -> float:
        """The present reading."""
        return self._seconds

    def advance(self, seconds: float) -> None:
        """Moves on."""
        self._seconds += seconds


class Visitor:
    """Calls the API about one offer. Follows no redirects and repeats nothing."""

    def __init__(self, simulator: Simulator, publisher: str, offer: str) -> None:
        """Comes with the simulator's own token."""
        self._url = simulator.url
        self._path = f"/api/publishers/{publisher}/offers/{offer}"
        self._headers = {"Authorization": f"Bearer {simulator.token}"}

    def get(self, path: str, *, stream: bool = False) -> requests.Response:
        """Reads a path below the offer's; with `stream`, the body is left to be read."""
        return self._call("GET", f"{self._path}/{path}", _VERSION, stream=stream)

    def cancel(self, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Calls to cancel."""
        return self._call("POST", f"{self._path}/cancel", _VERSION, headers)

    def publish(self) -> requests.Response:
        """Calls to publish."""
        return self._call("POST", f"{self._path}/publish", _VERSION)

    def follow(self, location: str) -> requests.Response:
        """Reads a relative location as it was given, its query included."""
        return self._call("GET", location, {})

    def list_states(self) -> list[str]:
        """The states in the list, in its order."""
        return [item["submissionState"] for item in self.get("submissions").json()]

    def offer_status(self) -> str:
        """The word of the offer status."""
        return str(self.get("status").json()["status"])

    def operation_status(self, operation_id: str) -> str:
        """The word of a single operation, be it an object or an array of one."""
        answer = self.get(f"operations/{operation_id}").json()
        return str((answer[0] if isinstance(answer, list) else answer)["status"])

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        *,
        stream: bool = False,
    ) -> requests.Response:
        return requests.request(
            method,
            self._url + path,
            params=query,
            headers={**self._headers, **(headers or {})},
            json=_BODY if method == "POST" else None,
            timeout=_TIMEOUT_SECONDS,
            allow_redirects=False,
            stream=stream,
        )
