"""Messages that no retry can mend, each with what its poison record has to say."""

import base64
import json

from tests.e2e.asking import message_for

MAX_MESSAGE_BYTES = 64 * 1024


def _with(**members: object) -> str:
    return message_for("poisoned-vm", **members)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _without(member: str) -> str:
    members = json.loads(_with())
    del members[member]
    return json.dumps(members)


def _nested(depth: int) -> str:
    """A good message but for a member that nobody asked for, nested so deep."""
    return f'{_with()[:-1]}, "deep": {"[" * depth}{"]" * depth}}}'


def _as_long_as_can_be() -> str:
    start = _with(reason="")[: -len('"}')]
    return f'{start}{"x" * (MAX_MESSAGE_BYTES - len(start) - 2)}"}}'


# The name of the test: the text of the message, and a word or two of the reason.
BAD_MESSAGES: dict[str, tuple[str, str]] = {
    "no-json": ("please cancel contoso-vm", "neither a JSON object nor one in Base64"),
    "half-a-json": ('{"publisherId": "contoso", ', "truncated"),
    "text-after-json": (_with() + "}", "JSON"),
    "array": ('[{"publisherId": "contoso", "offerId": "vm"}]', "neither a JSON object"),
    "string": ('"contoso-vm"', "neither a JSON object"),
    "base64-of-no-json": (_base64(b"please cancel contoso-vm"), "JSON"),
    "base64-of-an-array": (_base64(b"[]"), "Expected `object`"),
    "base64-of-latin-1": (_base64('{"reason": "dépêche"}'.encode("latin-1")), "UTF-8"),
    "base64-twice": (_base64(_base64(_with().encode()).encode()), "JSON"),
    "no-publisher": (_without("publisherId"), "publisherId"),
    "no-offer": (_without("offerId"), "offerId"),
    "empty-object": ("{}", "publisherId"),
    "publisher-is-a-number": (_with(publisherId=5), "$.publisherId"),
    "offer-is-null": (_with(offerId=None), "$.offerId"),
    "metadata-is-a-text": (_with(metadata="a@example.com"), "$.metadata"),
    "addresses-are-a-list": (_with(metadata={"notification-emails": ["a@b.com"]}), "$.metadata"),
    "reason-is-an-object": (_with(reason={}), "$.reason"),
    "reason-is-too-long": (_with(reason="x" * 501), "$.reason"),
    "operation-id-is-no-guid": (_with(operationId="12345"), "$.operationId"),
    "operation-id-is-misspelt": (_with(operation_id="12345"), "`operation_id` must be spelled"),
    "request-id-is-no-guid": (_with(requestId="request-1"), "$.requestId"),
    "request-id-climbs": (_with(requestId="../../../../contoso"), "$.requestId"),
    "requested-at-is-a-word": (_with(requestedAt="yesterday"), "$.requestedAt"),
    "requested-at-has-no-zone": (_with(requestedAt="2026-11-21T10:00:00"), "$.requestedAt"),
    "requested-at-is-a-number": (_with(requestedAt=True), "$.requestedAt"),
    "publisher-climbs": (_with(publisherId=".."), "$.publisherId"),
    "publisher-climbs-on": (_with(publisherId="contoso/../fabrikam"), "$.publisherId"),
    "publisher-climbs-encoded": (_with(publisherId="..%2ffabrikam"), "$.publisherId"),
    "publisher-has-a-dollar": (_with(publisherId="contoso$vm"), "$.publisherId"),
    "publisher-is-too-long": (_with(publisherId="x" * 51), "$.publisherId"),
    "publisher-is-not-ascii": (_with(publisherId="contös\u043e"), "$.publisherId"),
    "offer-climbs": (_with(offerId="../../status"), "$.offerId"),
    "offer-in-capitals": (_with(offerId="Contoso-VM"), "$.offerId"),
    "offer-is-empty": (_with(offerId=""), "$.offerId"),
    "offer-ends-its-line": (_with(offerId="vm\n"), "$.offerId"),
    "offer-adds-a-header": (_with(offerId="vm\r\nBcc: eve@example.com"), "$.offerId"),
    "offer-has-a-nul": (_with(offerId="vm\x00"), "$.offerId"),
    "offer-has-a-control-character": (_with(offerId="vm\x1b[31m"), "$.offerId"),
    "offer-has-u-ffff": (_with(offerId="vm\uffff"), "$.offerId"),
    "half-a-surrogate": (_with(reason="\udc00"), "JSON"),
    "deep-json": (_nested(20_000), "nested too deeply"),
    "publisher-not-served": (_with(publisherId="northwind"), "ALLOWED_PUBLISHERS"),
    "as-long-as-can-be": (_as_long_as_can_be(), "$.reason"),
}
