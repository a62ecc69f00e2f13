"""What became of the requests: as recorded, as mailed, and as it is true."""

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient

from devstack.expectations import expected_outcome, wrongly_canceled
from devstack.fates import PUBLISHER, Submitted
from devstack.mailbox import ReceivedMail
from devstack.stack import Stack

TABLE = "cancellations"
NONE = "(none)"
_ROW = "{request:<8}  {offer:<17}  {outcome:<17}  {true:<4}  {polls:>5}  {seconds:>5}  "


@dataclass(frozen=True)
class Result:
    """One request at its end, or as far as it came.

    Attributes:
        submitted: The request.
        recorded: The outcome in the table, or ``NONE``.
        polls: How often it was polled, by the table.
        mails: What was mailed about it.
        expected: What the outcome must be.
        wrongly_canceled: Publishes that must not have been canceled.
    """

    submitted: Submitted
    recorded: str
    polls: int
    mails: tuple[ReceivedMail, ...]
    expected: str
    wrongly_canceled: tuple[str, ...]

    @property
    def has_ended(self) -> bool:
        """Whether an outcome was recorded and mailed."""
        return self.recorded != NONE and bool(self.mails)

    @property
    def problems(self) -> list[str]:
        """Every way in which it is not as it must be, as sentences."""
        return list(self._problems())

    def _problems(self) -> Iterator[str]:
        if self.recorded != self.expected:
            yield f"the outcome recorded is {self.recorded}, but the truth is {self.expected}"
        mailed = [str(mail.message["X-Offer-Cancel-Outcome"]) for mail in self.mails]
        if mailed != [self.expected]:
            yield f"mailed was {', '.join(mailed) or NONE}, but the truth is {self.expected}"
        if self.wrongly_canceled:
            yield f"canceled, though newer than the request: {', '.join(self.wrongly_canceled)}"


def read_results(stack: Stack, submitted: Sequence[Submitted]) -> list[Result]:
    """The results as they are now."""
    rows = {row["requestId"]: row for row in _rows(stack)}
    mails = stack.mailbox.mails()
    return [_result(stack, each, rows.get(each.request_id, {}), mails) for each in submitted]


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
    stack: Stack, submitted: Submitted, row: dict[str, Any], mails: list[ReceivedMail]
) -> Result:
    offer = (PUBLISHER, submitted.fate.offer)
    truth = stack.partner_center.truth(*offer)
    return Result(
        submitted=submitted,
        recorded=str(json.loads(row["outcome"])["name"]) if row.get("outcome") else NONE,
        polls=int(row.get("polls", 0)),
        mails=tuple(
            mail
            for mail in mails
            if str(mail.message["X-Offer-Cancel-Request"]) == submitted.request_id
        ),
        expected=expected_outcome(
            truth,
            stack.partner_center.calls(*offer),
            requested_at=submitted.requested_at,
            submitted_at=submitted.submitted_at,
        ),
        wrongly_canceled=tuple(wrongly_canceled(truth, requested_at=submitted.requested_at)),
    )


def render_results(results: Sequence[Result], *, width: int) -> str:
    """The results as a table, and below it what is not as it must be."""
    titles = {name: name for name in ("request", "offer", "outcome", "true", "polls")}
    lines = [_ROW.format(**titles, seconds="secs") + "mail"]
    lines += [_row(result, width) for result in results]
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
        outcome=result.recorded,
        true="NO" if result.problems else "yes",
        polls=result.polls,
        seconds=f"{_seconds(result, first):.1f}" if first else "-",
    )
    return start + _shortened(
        f"{first.number}: {first.subject}" if first else NONE, width - len(start)
    )


def _seconds(result: Result, mail: ReceivedMail) -> float:
    return (mail.received_at - result.submitted.submitted_at).total_seconds()


def _short(result: Result) -> str:
    return result.submitted.request_id[:8]


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."
