"""How records, rows and messages look on a terminal of 100 columns, or as JSON.

Everything comes from outside: nothing is written that could steer a terminal, and addresses are
masked unless they are asked for.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from datetime import datetime
from textwrap import wrap
from typing import Any

import msgspec

from shared.checks import CheckResult
from shared.errors import InvalidRequestError
from shared.notification.phrasing import duration, moment, plain, short_name
from shared.poison_shelf import Shelved
from shared.poisoned import request_in
from shared.queues import POISON_SUFFIX, plain_text
from shared.record import CancellationRecord
from shared.telemetry import masked

COLUMNS = 100
_LABEL = 14
_OFFER = 22
_ROW = "{:>3}  {:21}  {:36}  {:22}  {}"
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]++={0,2}\s*")
_NO_FACTS = frozenset({"history", "emails", "etag"})


def as_json(value: Any) -> str:
    """For a program: times as RFC 3339, ASCII only."""
    return json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=True)


def summary(number: int, shelved: Shelved, now: datetime) -> dict[str, Any]:
    """One record of the list, for a program."""
    offer = _offer_of(shelved)
    return {
        "number": number,
        "queue": shelved.queue_name,
        "requestId": shelved.record.request_id,
        "publisherId": offer[0] if offer else None,
        "offerId": offer[1] if offer else None,
        "requestedAt": shelved.requested_at,
        "ageSeconds": round((now - shelved.requested_at).total_seconds()),
        "reason": masked(shelved.record.reason),
        "noticedAt": shelved.record.noticed_at,
    }


def listed(records: list[tuple[int, Shelved]], now: datetime) -> Iterator[str]:
    """The list, two lines and more for each record."""
    yield _ROW.format("No.", "Queue", "Request", "Offer", "Age")
    for number, shelved in records:
        age = duration(now - shelved.requested_at).split()
        yield _ROW.format(
            number,
            shelved.queue_name,
            plain(shelved.record.request_id, 36) or "-",
            named(shelved, _OFFER),
            " ".join(age[:2]),
        ).rstrip()
        reason = masked(plain(shelved.record.reason, 500))
        yield from wrap(reason, COLUMNS, initial_indent=" " * 5, subsequent_indent=" " * 5)


def named(shelved: Shelved, limit: int = 60) -> str:
    """Publisher and offer in a few words."""
    offer = _offer_of(shelved)
    return short_name(*offer, limit) if offer else "-"


def in_full(
    number: int,
    shelved: Shelved,
    row: CancellationRecord | None,
    now: datetime,
    *,
    addresses: bool,
) -> Iterator[str]:
    """A record with its message, and its request's row."""
    record = shelved.record
    yield f"Record {number} on {shelved.queue_name}{POISON_SUFFIX}"
    yield from _fact("request", record.request_id)
    yield from _fact("offer", named(shelved))
    yield from _fact("reason", masked(record.reason))
    yield from _fact("requested", _when(shelved.requested_at, now))
    yield from _fact("on its queue", _when(record.inserted_at, now))
    yield from _fact("received", f"{record.dequeue_count} times")
    yield from _fact("noticed", _when(record.noticed_at, now))
    yield from _fact("in a digest", _when(record.digested_at, now))
    yield from ("", f"Message{', cut' if record.truncated else ''}")
    yield from message_text(record.message, addresses=addresses).splitlines()
    yield ""
    yield from _row_lines(row, now, addresses=addresses)


def message_text(text: str, *, addresses: bool) -> str:
    """The message for reading: decoded, laid out if it is JSON, nothing that steers a terminal."""
    readable = _readable(text)
    try:
        read = json.loads(readable)
        return json.dumps(read if addresses else _masked(read), indent=2, ensure_ascii=True)
    except (ValueError, RecursionError):
        shown = "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in readable)
        return shown if addresses else masked(shown)


def row_for_programs(row: CancellationRecord | None, *, addresses: bool) -> dict[str, Any] | None:
    """The row with its history; without addresses unless they are asked for."""
    if row is None:
        return None
    fields: dict[str, Any] = msgspec.to_builtins(row)
    del fields["etag"]
    return fields if addresses else {**fields, "emails": ["<hidden>"] * len(row.emails)}


def _masked(value: Any) -> Any:
    """JSON with every text in it masked by itself, so that it stays JSON."""
    match value:
        case str():
            return masked(value)
        case list():
            return [_masked(item) for item in value]
        case dict():
            return {masked(key): _masked(item) for key, item in value.items()}
        case _:
            return value


def _row_lines(row: CancellationRecord | None, now: datetime, *, addresses: bool) -> Iterator[str]:
    if row is None:
        yield "No row in table cancellations"
        return
    yield "Row in table cancellations"
    for name, value in msgspec.to_builtins(row).items():
        if name not in _NO_FACTS and value not in (None, "", [], (), 0, False):
            shown = value if isinstance(value, str | int | float) else json.dumps(value)
            yield from _fact(name, masked(str(shown)), width=26)
    if addresses and row.emails:
        yield from _fact("emails", ", ".join(row.emails), width=26)
    yield from ("", f"History, the last step {_when(row.last_step_at, now)}")
    for step in row.history:
        line = f"{moment(step.at)}  {step.step:20}  {masked(plain(step.detail))}".rstrip()
        yield from wrap(line, COLUMNS, initial_indent="  ", subsequent_indent=" " * 47)


def _fact(label: str, value: str, width: int = _LABEL) -> list[str]:
    if not value:
        return []
    first = f"  {label}:".ljust(width + 2)
    return wrap(
        plain(value),
        COLUMNS,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_on_hyphens=False,
    )


def _when(at: datetime | None, now: datetime) -> str:
    return f"{moment(at)}, {duration(now - at)} ago" if at else ""


def _offer_of(shelved: Shelved) -> tuple[str, str] | None:
    try:
        request = request_in(shelved.record, shelved.queue_name)
    except InvalidRequestError:
        return None
    return request.publisher_id, request.offer_id


def _readable(text: str) -> str:
    """Out of Base64 even where it was cut: what is in there must be masked, too."""
    try:
        return plain_text(text)
    except InvalidRequestError:
        pass
    if not _BASE64.fullmatch(text):
        return text
    joined = "".join(text.split()).rstrip("=")
    try:
        return base64.b64decode(joined[: len(joined) // 4 * 4]).decode("utf-8", "replace")
    except binascii.Error:
        return text


def checked(result: CheckResult) -> Iterator[str]:
    """One check in a line, and what to do about it in the next."""
    first = f"{result.status:8} {result.name:37} "
    yield from wrap(
        plain(result.said), COLUMNS, initial_indent=first, subsequent_indent=" " * len(first)
    )
    yield from indented(result.mend)


def found_at(at: datetime | None, now: datetime, *, is_old: bool) -> Iterator[str]:
    """When the app found what is shown, and what it means if that is long ago."""
    yield f"Found by the app itself, {_when(at, now)}." if at else "The app has not checked yet."
    if is_old:
        yield "It checks every hour: its poller does not run, or cannot use the table; its log says"
        yield "why (settings-unusable, check-failed), and infra/scripts/probe.sh what it lacks."


def indented(text: str) -> list[str]:
    """A remark below a line; what is indented in it is a command, and stays on a line to copy."""
    return [shown for line in text.splitlines() for shown in _indented(line)]


def _indented(line: str) -> list[str]:
    margin = " " * 9
    if line.startswith(" "):
        return [f"{margin}  {plain(line)}"]
    return wrap(
        plain(line),
        COLUMNS,
        initial_indent=margin,
        subsequent_indent=margin,
        break_on_hyphens=False,
    )
