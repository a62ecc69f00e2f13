import json
from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks.webhooks
from hypothesis import given
from hypothesis import strategies as st

from shared.webhooks.secrets import Sender, parse_secrets
from shared.webhooks.verification import is_genuine
from tests.payloads.deliveries import (
    ALL,
    GITHUB_SECRET,
    SECRETS,
    SIGNATURES,
    STANDARD_SECRET,
    Delivery,
    basic,
    delivery,
    signed_now,
)

KNOWN = parse_secrets(SECRETS)
# Of the test suite of Standard Webhooks.
VECTOR = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
VECTOR_BODY = b'{"test": 2432232314}'
# Of GitHub's page on validating deliveries.
GITHUB_VECTOR = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def is_taken(sent: Delivery, *secrets: str) -> bool:
    sender = Sender(sent.sender)
    return is_genuine(sender, secrets or KNOWN.of(sender), sent.headers, sent.body)


def at_the_time_of(monkeypatch: pytest.MonkeyPatch, timestamp: float) -> None:
    """Stop the clock of the library, which takes no other."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(timestamp, UTC)

    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", Stopped)


@pytest.mark.parametrize("name", ALL)
def test_what_a_sender_sends_is_genuine(name: str) -> None:
    assert is_taken(delivery(name))


def test_the_vector_of_githubs_documentation_is_genuine() -> None:
    headers = {"x-hub-signature-256": GITHUB_VECTOR}
    assert is_genuine(Sender.GITHUB, (GITHUB_SECRET,), headers, b"Hello, World!")
    assert not is_genuine(Sender.GITHUB, (GITHUB_SECRET,), headers, b"Hello, World")


def test_the_vector_of_standard_webhooks_is_genuine(monkeypatch: pytest.MonkeyPatch) -> None:
    at_the_time_of(monkeypatch, 1614265330)
    assert is_genuine(Sender.STANDARD, (STANDARD_SECRET,), VECTOR, VECTOR_BODY)
    assert not is_genuine(Sender.STANDARD, (STANDARD_SECRET,), VECTOR, VECTOR_BODY + b" ")


@pytest.mark.parametrize("name", [name for name in SIGNATURES if name.startswith("standard/")])
def test_what_the_library_of_another_language_signed_is_genuine(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = SIGNATURES[name]
    at_the_time_of(monkeypatch, float(signed["webhook-timestamp"]))
    assert is_genuine(Sender.STANDARD, (STANDARD_SECRET,), signed, delivery(name).body)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)]
)
def test_standard_webhooks_may_be_five_minutes_off(
    seconds: int, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_the_time_of(monkeypatch, 1614265330 + seconds)
    assert is_genuine(Sender.STANDARD, (STANDARD_SECRET,), VECTOR, VECTOR_BODY) is expected


def test_one_of_several_signatures_is_enough() -> None:
    body = delivery("standard/release.deleted.json").body
    headers = signed_now(body, datetime.now(UTC))
    signatures = f"v2,AAAA v1a,BBBB v1,CCCC {headers['webhook-signature']}"
    several = {**headers, "webhook-signature": signatures}
    assert is_genuine(Sender.STANDARD, (STANDARD_SECRET,), several, body)


def test_the_id_and_the_time_are_signed_too() -> None:
    sent = delivery("standard/release.deleted.json")
    later = str(int(sent.headers["webhook-timestamp"]) + 1)
    assert not is_taken(sent.having(webhook_id="msg_another"))
    assert not is_taken(sent.having(webhook_timestamp=later))


@pytest.mark.parametrize("name", [name for name in ALL if name.startswith(("github", "standard"))])
def test_a_signature_holds_for_the_bytes_it_was_made_of(name: str) -> None:
    sent = delivery(name)
    again = json.dumps(json.loads(sent.body), indent=1).encode()
    assert not is_taken(Delivery(sent.sender, sent.headers, again))


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("github/push.json", "x_hub_signature_256"),
        ("gitlab/release.delete.json", "x_gitlab_token"),
        ("azure-devops/build.complete.canceled.json", "authorization"),
        ("standard/release.deleted.json", "webhook_id"),
        ("standard/release.deleted.json", "webhook_timestamp"),
        ("standard/release.deleted.json", "webhook_signature"),
    ],
)
def test_nothing_is_genuine_without_what_proves_it(name: str, header: str) -> None:
    sent = delivery(name)
    value = sent.headers[header.replace("_", "-")]
    assert is_taken(sent)
    for changed in (None, "", value[1:], f"x{value}", f"{value},{value}"):
        assert not is_taken(sent.having(**{header: changed})), changed


@pytest.mark.parametrize("name", ALL)
def test_a_sender_without_a_secret_is_never_genuine(name: str) -> None:
    sent = delivery(name)
    assert not is_genuine(Sender(sent.sender), (), sent.headers, sent.body)


@pytest.mark.parametrize("name", ALL)
def test_another_secret_does_not_do(name: str) -> None:
    secrets = {
        "github": "another",
        "gitlab": "another",
        "azure-devops": "release-hook:pass",
        "standard": "whsec_YW5vdGhlciBzZWNyZXQsIDI0IGJ5dGVz",
    }
    sent = delivery(name)
    assert not is_taken(sent, secrets[sent.sender])


def test_githubs_older_signature_does_not_count() -> None:
    sent = delivery("github/push.json").having(
        x_hub_signature_256=None, x_hub_signature="sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59"
    )
    assert not is_taken(sent)


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_the_scheme_of_basic_authentication_has_no_case(scheme: str) -> None:
    sent = delivery("azure-devops/build.complete.canceled.json")
    credentials = sent.headers["authorization"].partition(" ")[2]
    assert is_taken(sent.having(authorization=f"{scheme} {credentials}"))
    assert not is_taken(sent.having(authorization=f"Bearer {credentials}"))


def test_a_password_beyond_ascii_is_compared_as_utf_8() -> None:
    sent = delivery("azure-devops/build.complete.canceled.json")
    given = sent.having(authorization=basic("Zoë:schlüssel"))
    assert is_taken(given, "Zoë:schlüssel")
    assert not is_taken(given, "Zoe:schlussel")


HEADERS = (
    "x-hub-signature-256",
    "x-gitlab-token",
    "authorization",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
)
NOW = str(int(datetime.now(UTC).timestamp()))
ODD = ["v1,", "v1", ",", "v1,=", "v1,\ud800", "sha256=", "Basic", "Basic =", "\ud800", "\x00"]
TIMES = ["nan", "inf", "1e400", "-1", NOW]
HOSTILE = st.text(max_size=40) | st.sampled_from(ODD + TIMES)


@given(st.sampled_from(Sender), st.dictionaries(st.sampled_from(HEADERS), HOSTILE), st.binary())
def test_nothing_that_is_sent_makes_it_fail_or_passes(
    sender: Sender, headers: dict[str, str], body: bytes
) -> None:
    assert is_genuine(sender, KNOWN.of(sender), headers, body) is False


def test_a_delivery_of_yesterday_is_refused() -> None:
    body = delivery("standard/release.deleted.json").body
    headers = signed_now(body, datetime.now(UTC) - timedelta(days=1))
    assert not is_genuine(Sender.STANDARD, (STANDARD_SECRET,), headers, body)
