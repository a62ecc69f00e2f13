"""What an attacker, or a broken program, sends: texts, JSON near to valid, and messages of both."""

import base64
import json
from typing import Any

from hypothesis import strategies as st

from tests.shared.builders import OTHER_ID, OWN_LOCATION, REQUEST_ID, TARGET_ID

PUBLISHER, OFFER = "contoso", "contoso-vm"
ALLOWED = "requester@contoso.com"
# A copy of what .NET writes for a time that was never set, a step from what no clock can show.
NO_TIME = "0001-01-01T00:00:00+01:00"

TEXTS = (
    *(
        "",
        " ",
        "x" * 600,
        "é" * 20_000,
        "\x00\x01\x1b[2J",
        "\ufffe\uffff",
        "\ud800",
        "\u202egnp.exe",
    ),
    *("a\r\nBcc: eve@evil.example", "<script>alert(1)</script>", '"><img src=x onerror=e()>'),
    *("javascript:alert(1)", "//evil.example/x", "{0.__class__}", "%s%n", "{{7*7}}", "../../x"),
    *("eve@evil.example", "eve@evil.example@contoso.com", "a b@contoso.com", "a@contoso.com\r\n"),
    *(ALLOWED, REQUEST_ID, TARGET_ID, OTHER_ID, PUBLISHER, OFFER, "running", "Canceled", "failed"),
    *(OWN_LOCATION, "https://evil.example" + OWN_LOCATION, "2026-03-04T05:06:07Z"),
    *(NO_TIME, "9999-12-31T23:59:59-23:59", "2026-03-04T05:06:07", "2100-12-31T23:59:59-23:59"),
)
NUMBERS = (0, -1, 1, 2, 6, 2**31, 2**63, -(2**63), 10**40, 1e308, -1e308, 1.5)

TEXT = st.sampled_from(TEXTS) | st.text(max_size=40)
SCALAR = st.none() | st.booleans() | st.sampled_from(NUMBERS) | st.integers() | TEXT
JSON = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


def near(valid: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of these members, most of them valid and some of them anything."""
    members = {name: strategy | strategy | JSON for name, strategy in valid.items()}
    return st.fixed_dictionaries({}, optional=members)


def required(
    valid: dict[str, Any], more: dict[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with these members, and near others."""
    return near(more).map(lambda found: {**valid, **found})


def _one_of(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


IDS = _one_of(REQUEST_ID, TARGET_ID, OTHER_ID)
TIMES = _one_of("2026-03-04T05:06:07Z", "2026-03-04T05:06:07+14:00", NO_TIME)
COUNTS = _one_of(0, 1, 5, 2**31 - 1)
EMAILS = _one_of(
    ALLOWED, f"{ALLOWED},eve@evil.example", "a@contoso.com\r\nRCPT TO:<e@evil.example>"
)
ADDRESSES = st.lists(EMAILS | TEXT, max_size=4)
OUTCOME = near(
    {
        "name": _one_of("canceled", "unconfirmed", "rejected"),
        "at": TIMES,
        "operationState": TEXT,
        "code": TEXT,
        "message": TEXT,
        "endedAt": TIMES,
    }
)
REFUSAL = near({"statusCode": _one_of(400, 403, 999), "code": TEXT, "message": TEXT})
SUBJECT = {"publisherId": PUBLISHER, "offerId": OFFER}

REQUESTS = required(
    SUBJECT,
    {
        "metadata": near({"notification-emails": EMAILS}),
        "operationId": IDS,
        "reason": TEXT,
        "requestId": IDS,
        "requestedAt": TIMES,
        "attempt": COUNTS,
        "lastError": TEXT,
    },
)
PENDING = required(
    {**SUBJECT, "requestId": REQUEST_ID, "requestedAt": "2026-03-04T05:06:07Z"},
    {
        "version": _one_of(1, 1, 2),
        "reason": TEXT,
        "notificationEmails": ADDRESSES,
        "remainingEmails": ADDRESSES,
        "droppedEmails": COUNTS,
        "postSentAt": TIMES,
        "targetOperationId": IDS,
        "location": TEXT,
        "followedSince": TIMES,
        "polls": COUNTS,
        "checkpoints": COUNTS,
        "failures": COUNTS,
        "refusal": REFUSAL,
        "lastState": TEXT,
        "lastStateAt": TIMES,
        "lastError": TEXT,
        "newerOperations": st.lists(IDS, max_size=3),
        "alsoCanceled": st.lists(IDS, max_size=3),
        "readableSeconds": _one_of(0.0, 1e6),
        "lastPollAt": TIMES,
        "mailFailures": COUNTS,
        "mailAnswersLost": COUNTS,
        "mailSince": TIMES,
        "recordedAt": TIMES,
        "redrives": COUNTS,
        "outcome": OUTCOME,
    },
)
RECORDS = required(
    {"version": 1, "reason": "none", "insertedAt": "2026-03-04T05:06:07Z"},
    {
        "dequeueCount": COUNTS,
        "reason": TEXT,
        "message": st.one_of(REQUESTS, PENDING).map(json.dumps) | TEXT,
        "requestId": IDS,
        "requestedAt": TIMES,
        "insertedAt": TIMES,
        "truncated": st.booleans(),
        "sha256": TEXT,
        "noticedAt": TIMES,
        "digestedAt": TIMES,
    },
)

DEPTHS = _one_of(100, 1_000, 5_000, 12_000, 30_000)


@st.composite
def texts_of(draw: st.DrawFn, objects: st.SearchStrategy[dict[str, Any]]) -> str:
    """A queue message's text: such an object in some encoding, whole or damaged."""
    text = json.dumps(draw(objects), ensure_ascii=draw(st.booleans()))
    match draw(st.integers(0, 9)):
        case 0:
            return text[: draw(st.integers(0, len(text)))]
        case 1:
            return f"{text[:-1]}, {draw(st.just(chr(34) + 'x' + chr(34)))}: {text}}}"
        case 2:
            depth = draw(DEPTHS)
            return f'{text[:-1]}, "deep": {"[" * depth}{"]" * depth}}}'
        case 3 | 4:
            return base64.b64encode(text.encode("utf-8", "replace")).decode()
        case 5:
            return "\ufeff " + text
        case 6:
            return draw(JSON.map(json.dumps) | TEXT)
        case 7:  # as the trigger makes text of what is no UTF-8
            return draw(st.binary(max_size=60)).decode("utf-8", "replace")
        case _:
            return text


REQUEST_TEXTS, PENDING_TEXTS = texts_of(REQUESTS), texts_of(PENDING)
RECORD_TEXTS = texts_of(RECORDS)
