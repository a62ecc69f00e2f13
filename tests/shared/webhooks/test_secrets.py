import json

import pytest

from shared.errors import ConfigurationError
from shared.settings import WebhookSettings
from shared.webhooks.secrets import Sender
from tests.payloads.deliveries import GITHUB_SECRET, SECRETS, STANDARD_SECRET

HUSH = "hush-hush"


def settings(text: str) -> WebhookSettings:
    return WebhookSettings.from_env({"WEBHOOK_SECRETS": text})


def problem_of(text: str) -> str:
    with pytest.raises(ConfigurationError) as raised:
        settings(text)
    assert raised.value.part == "Webhook"
    assert HUSH not in str(raised.value)
    [problem] = raised.value.problems
    return problem


def test_each_sender_has_its_secrets() -> None:
    secrets = settings(SECRETS).secrets
    assert secrets.of(Sender.GITHUB) == ("the-next-secret", GITHUB_SECRET)
    assert secrets.of(Sender.STANDARD)[-1] == STANDARD_SECRET


@pytest.mark.parametrize("text", ["", " ", "{}"])
def test_by_default_nobody_has_a_secret(text: str) -> None:
    assert not any(settings(text).secrets.of(sender) for sender in Sender)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (f'"{HUSH}"', "must be a JSON object of lists"),
        ("{", "must be a JSON object of lists"),
        (f'{{"github": "{HUSH}"}}', "$.github"),
        (f'{{"azure_devops": ["{HUSH}"]}}', "azure_devops"),
        (f'{{"github": [17, "{HUSH}"]}}', "$.github"),
    ],
)
def test_what_is_no_such_json_is_a_problem(written: str, expected: str) -> None:
    assert expected in problem_of(written)


@pytest.mark.parametrize(
    ("sender", "secret", "expected"),
    [
        ("github", "", "secret 2 is empty"),
        ("github", "  ", "secret 2 is empty"),
        ("gitlab", f"{HUSH}\u00e9", "printable ASCII"),
        ("gitlab", f"{HUSH}\n", "printable ASCII"),
        ("gitlab", f"{HUSH},{HUSH}", "without commas"),
        ("gitlab", f"{HUSH} ", "without spaces around it"),
        ("azure-devops", HUSH, "user:password"),
        ("azure-devops", "user:", "user:password"),
        ("standard", HUSH, "whsec_ and Base64"),
        ("standard", "whsec_", "whsec_ and Base64"),
        ("standard", "whsec_hush-hush", "whsec_ and Base64"),
    ],
)
def test_a_secret_that_can_never_fit_is_a_problem(sender: str, secret: str, expected: str) -> None:
    right = {"github": "a", "gitlab": "a", "azure-devops": "a:b", "standard": "whsec_AAAA"}
    problem = problem_of(json.dumps({sender: [right[sender], secret]}))
    assert expected in problem
    assert problem.startswith(f"WEBHOOK_SECRETS {sender}, secret 2")


def test_every_problem_is_told_at_once() -> None:
    problem = problem_of(json.dumps({"github": [""], "standard": [HUSH]}))
    assert "github, secret 1" in problem
    assert "standard, secret 1" in problem


def test_secrets_are_not_shown() -> None:
    assert GITHUB_SECRET not in repr(settings(SECRETS))
    assert GITHUB_SECRET not in repr(settings(SECRETS).secrets)
