"""What became of the requests: as recorded, as mailed, and as it is true."""

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient

from devstack.expectations import expected_outcome, wrongly_canceled
from devstack.fates import PUBLISHER, Submitted
from devstack.mailbox import ReceivedMail
from devstack.stack import Stack

TABLE = "cancellations"
NONE = "(none)"
_ROW = "{request:<8}  {offer:<17}  {status:<8}  {outcome:<17}  {true:<4}  {seconds:>5}  "
_ANSWER_SECONDS = 30.0


@dataclass(frozen=True)
class Result:
    """One request at its end, or as far as it came.

    Attributes:
        submitted: The request.
        recorded: The outcome in the table, or ``NONE``.
        mails: What was mailed about it.
        status: The status and the outcome that a caller is told.
        requests: How many requests the app has made of it.
        cancel_calls: How many cancel calls Partner Center got about its offer.
        expected: What the outcome must be.
        wrongly_canceled: Publishes that must not have been canceled.
    """

    submitted: Submitted
    recorded: str
    mails: tuple[ReceivedMail, ...]
    expected: str
    wrongly_canceled: tuple[str, ...]
    status: tuple[str, str]
    requests: int
    cancel_calls: int

    @property
    def has_ended(self) -> bool:
        """Whether an outcome was recorded and mailed."""
        return self.recorded != NONE and bool(self.mails)

    @property
    def problems(self) -> list[str]:
        """Every way in which it is not as it must be, as sentences."""
        return list(self._problems())

    @property
    def deliveries(self) -> str:
        """What its deliveries have led to."""
        led_to = (
            _counted(self.requests, "request"),
            _counted(self.cancel_calls, "cancel call"),
            _counted(len(self.mails), "outcome mail"),
        )
        return f"{self.submitted.fate.deliveries} deliveries led to {', '.join(led_to)}"

    def _problems(self) -> Iterator[str]:
        if self.recorded != self.expected:
            yield f"the outcome recorded is {self.recorded}, but the truth is {self.expected}"
        mailed = [str(mail.message["X-Offer-Cancel-Outcome"]) for mail in self.mails]
        if mailed != [self.expected]:
            yield f"mailed was {', '.join(mailed) or NONE}, but the truth is {self.expected}"
        status = "canceled" if self.expected == "canceled" else "failed"
        if self.status != (status, self.expected):
            told = ", ".join(self.status)
            yield f"a caller is told {told}, but the truth is {status}, {self.expected}"
        if self.submitted.fate.deliveries and (self.requests, self.cancel_calls) != (1, 1):
            yield f"{self.deliveries}, which must not be more than one of each"
        if self.wrongly_canceled:
            yield f"canceled, though newer than the request: {', '.join(self.wrongly_canceled)}"


def read_results(stack: Stack, submitted: Sequence[Submitted]) -> list[Result]:
    """The results as they are now."""
    rows, mails = _rows(stack), stack.mailbox.mails()
    return [_result(stack, each, rows, mails) for each in submitted]


def _rows(stack: Stack) -> list[dict[str, Any]]:
    table = TableClient.from_connection_string(
        stack.storage.connection_string, TABLE, use_env_settings=False
    )
    with table:
        try:
            requests = table.query_entities("requestId ne ''")  # the table has others beside
            return [dict(entity) for entity in requests]
        except ResourceNotFoundError:
            return []


def _result(
    stack: Stack, submitted: Submitted, rows: list[dict[str, Any]], mails: list[ReceivedMail]
) -> Result:
    offer = (PUBLISHER, submitted.fate.offer)
    truth, calls = stack.partner_center.truth(*offer), stack.partner_center.calls(*offer)
    of_offer = [row for row in rows if row["offerId"] == submitted.fate.offer]
    row = next((row for row in of_offer if row["requestId"] == submitted.request_id), {})
    return Result(
        submitted=submitted,
        recorded=str(json.loads(row["outcome"])["name"]) if row.get("outcome") else NONE,
        mails=tuple(
            mail
            for mail in mails
            if str(mail.message["X-Offer-Cancel-Request"]) == submitted.request_id
        ),
        expected=expected_outcome(
            truth,
            calls,
            requested_at=submitted.requested_at,
            submitted_at=submitted.submitted_at,
        ),
        wrongly_canceled=tuple(wrongly_canceled(truth, requested_at=submitted.requested_at)),
        status=_status(stack, submitted) if row.get("outcome") else (NONE, NONE),
        requests=len(of_offer),
        cancel_calls=sum(call.path.endswith("/cancel") for call in calls),
    )


def _status(stack: Stack, submitted: Submitted) -> tuple[str, str]:
    """What a caller is told of the request: ``GET …/operations/{id}``."""
    offer = f"publishers/{PUBLISHER}/offers/{submitted.fate.offer}"
    url = f"{stack.url}/api/{offer}/operations/{submitted.request_id}"
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(url, timeout=_ANSWER_SECONDS)
    if answer.status_code != requests.codes.ok:
        return str(answer.status_code), NONE
    told = answer.json()
    return str(told["status"]), str(told["outcome"])


def render_results(results: Sequence[Result], *, width: int) -> str:
    """The results as a table, and below it what is not as it must be."""
    titles = {name: name for name in ("request", "offer", "status", "outcome", "true")}
    lines = [_ROW.format(**titles, seconds="secs") + "mail"]
    lines += [_row(result, width) for result in results]
    for result in results:
        if result.submitted.fate.deliveries:
            sentence = f"{_short(result)} {result.submitted.fate.offer}: {result.deliveries}."
            lines += ["", *textwrap.wrap(sentence, width, subsequent_indent="    ")]
    for result in results:
        for problem in result.problems:
            sentence = f"{_short(result)} {result.submitted.fate.offer}: {problem}."
            lines += textwrap.wrap(sentence, width, subsequent_indent="    ")
    return "\n".join(lines)


def _row(result: Result, width: int) -> str:
    first = result.mails[0] if result.mails else None
    start = _ROW.format(
        request=_short(result),
        offer=result.submitted.fate.offer,
        status=result.status[0],
        outcome=result.recorded,
        true="NO" if result.problems else "yes",
        seconds=f"{_seconds(result, first):.1f}" if first else "-",
    )
    return start + _shortened(
        f"{first.number}: {first.subject}" if first else NONE, width - len(start)
    )


def _seconds(result: Result, mail: ReceivedMail) -> float:
    return (mail.received_at - result.submitted.submitted_at).total_seconds()


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _short(result: Result) -> str:
    return result.submitted.request_id[:8]


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."
