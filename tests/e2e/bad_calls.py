"""HTTP requests that are wrong, each with the status, the code and words of what it is told."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.e2e.asking import path_of, with_emails

OFFER = "asked-wrongly"
MAX_BODY_BYTES = 16 * 1024
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class BadCall:
    """A wrong request and its answer.

    Attributes:
        says: Words that tell what is wrong and where.
    """

    says: tuple[str, ...]
    body: bytes | str | None = None
    target: str = path_of(OFFER)
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    status: int = 400
    code: str = "BadRequest"


def _emails(emails: str, *says: str) -> BadCall:
    return BadCall(("notification-emails", *says), with_emails(emails))


def _body(body: str | bytes, *says: str) -> BadCall:
    return BadCall(("body", *says), body)


def _publisher(publisher: str) -> BadCall:
    return BadCall(("publisherId in the path",), target=path_of(OFFER, publisher))


def _offer(offer: str) -> BadCall:
    return BadCall(("offerId in the path",), target=path_of(offer))


BAD_CALLS = {
    "no-json": _body("please cancel", "malformed"),
    "half-a-json": _body('{"metadata": {', "truncated"),
    "array": _body("[]", "Expected `object`, got `array`"),
    "null": _body("null", "Expected `object`, got `null`"),
    "text": _body('"cancel"', "Expected `object`, got `str`"),
    "latin-1": _body('{"reason": "dépêche"}'.encode("latin-1")),
    "utf-16": _body('{"reason": ""}'.encode("utf-16")),
    "deep-json": _body('{"reason": ' + "[" * 8_000 + "]" * 8_000 + "}", "$.reason"),
    "deep-json-without-end": _body('{"deep": ' + "[" * 16_000),
    "metadata-is-a-text": _body('{"metadata": "a@example.com"}', "$.metadata"),
    "addresses-are-a-list": _body(
        '{"metadata": {"notification-emails": ["a@example.com"]}}',
        "$.metadata.notification-emails",
    ),
    "operation-id-is-no-guid": _body('{"operationId": "12"}', "$.operationId"),
    "operation-id-climbs": _body('{"operationId": "../../status"}', "$.operationId"),
    "operation-id-is-misspelt": _body('{"operationID": "12"}', "`operationID`", "`operationId`"),
    "operation-id-is-in-the-query": BadCall(
        ("operationId", "body"), target=f"{path_of(OFFER)}?api-version=2017-10-31&operationId=12"
    ),
    "reason-is-a-number": _body('{"reason": 5}', "$.reason"),
    "reason-is-too-long": _body(json.dumps({"reason": "x" * 501}), "$.reason", "500"),
    "half-a-surrogate": _body(r'{"reason": "\udc00"}', "malformed"),
    "no-address": _emails("ana", "address 1"),
    "second-address": _emails("ana@example.com,bob@", "address 2"),
    "semicolon": _emails("ana@example.com;bob@example.com", "address 1"),
    "header-injected": _emails("ana@example.com\r\nBcc: eve@example.com", "address 1"),
    "header-injected-by-line-feed": _emails("ana@example.com\nSubject: x", "address 1"),
    "nul-in-address": _emails("ana@example.com\x00", "address 1"),
    "u-ffff-in-address": _emails("ana\uffff@example.com", "address 1"),
    "display-name": _emails("Ana <ana@example.com>", "address 1"),
    "comment": _emails("ana@example.com(eve@elsewhere.example)", "address 1"),
    "quoted": _emails('"ana bob"@example.com', "address 1"),
    "routed": _emails("ana%elsewhere.example@example.com", "address 1"),
    "two-ats": _emails("ana@elsewhere.example@example.com", "address 1"),
    "no-dot": _emails("root@localhost", "address 1"),
    "ip-address": _emails("ana@[127.0.0.1]", "address 1"),
    "not-ascii": _emails("ana@exämple.com", "address 1"),
    "too-long": _emails(f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.com", "address 1"),
    "too-many": _emails(",".join(f"a{n}@example.com" for n in range(51)), "51", "50"),
    "foreign-domain": _emails(
        "a@example.com,eve@elsewhere.example", "address 2", "ALLOWED_DOMAINS"
    ),
    "other-version": BadCall(
        ("api-version", "2017-10-31"),
        target=f"{path_of(OFFER)}?api-version=2018-01-01",
        code="InvalidAPIVersion",
    ),
    "version-twice": BadCall(
        ("api-version", "2017-10-31"),
        target=f"{path_of(OFFER)}?api-version=2017-10-31&api-version=2017-10-31",
        code="InvalidAPIVersion",
    ),
    "publisher-climbs": _publisher("..%2ffabrikam"),
    "publisher-climbs-backwards": _publisher("..%5cfabrikam"),
    "publisher-starts-with-a-dot": _publisher(".contoso"),
    "publisher-with-a-line-break": _publisher("contoso%0d%0aX-Injected:%20yes"),
    "publisher-ends-its-line": _publisher("contoso%0a"),
    "publisher-with-an-escape": _publisher("contoso%1b%5b31m"),
    "publisher-with-a-dollar": _publisher("contoso$vm"),
    "publisher-with-an-at": _publisher("contoso@elsewhere.example"),
    "publisher-too-long": _publisher("x" * 51),
    "publisher-not-utf-8": _publisher("contoso%ff"),
    "publisher-doubly-encoded": _publisher("..%252f"),
    "offer-climbs": _offer("..%2f..%2fstatus"),
    "offer-in-capitals": _offer("Contoso-VM"),
    "offer-ends-its-line": _offer("vm%0a"),
    "offer-with-a-query": _offer("vm%3fapi-version=1"),
    "offer-with-a-fragment": _offer("vm%23"),
    "offer-too-long": _offer("x" * 51),
    "publisher-not-served": BadCall(
        ("northwind", "not served"),
        target=path_of(OFFER, "northwind"),
        status=403,
        code="Forbidden",
    ),
    "body-too-large": BadCall(
        (str(MAX_BODY_BYTES),),
        "{}".ljust(MAX_BODY_BYTES + 1),
        status=413,
        code="RequestTooLarge",
    ),
    "far-too-large": BadCall(
        (str(MAX_BODY_BYTES),), b"\xff" * 5_000_000, status=413, code="RequestTooLarge"
    ),
    **{
        f"content-type-{name}": BadCall(
            ("Content-Type", "application/json"),
            with_emails(),
            headers={"Content-Type": value},
            status=415,
            code="UnsupportedMediaType",
        )
        for name, value in {
            "text": "text/plain",
            "form": "application/x-www-form-urlencoded",
            "empty": "",
            "nearly": "application/json-patch+json",
            "list": "text/plain, application/json",
        }.items()
    },
}
