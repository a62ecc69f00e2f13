from datetime import timedelta
from typing import Any

import pytest

from shared.errors import ConfigurationError
from shared.settings import MailSettings, PolicySettings, StorageSettings

SECRET = "hunter2"


def problems(part: Any, environ: dict[str, str]) -> tuple[str, ...]:
    """Every problem of a part, none of which repeats a secret."""
    with pytest.raises(ConfigurationError) as raised:
        part.from_env(environ)
    assert SECRET not in str(raised.value)
    assert "; ".join(raised.value.problems) in str(raised.value)
    return raised.value.problems


STORAGE = {
    "CancelStorage__queueServiceUri": "https://a.queue.core.windows.net",
    "CancelStorage__tableServiceUri": "https://a.table.core.windows.net",
}


def test_storage_is_a_connection_string() -> None:
    found = StorageSettings.from_env({"CancelStorage": f" AccountKey={SECRET} "})
    assert found.connection_string == f"AccountKey={SECRET}"
    assert SECRET not in repr(found)


def test_storage_is_an_identity_and_two_urls() -> None:
    found = StorageSettings.from_env(STORAGE)
    assert (found.connection_string, found.client_id) == ("", "")
    assert found.queue_service_uri == STORAGE["CancelStorage__queueServiceUri"]
    user_assigned = {
        **STORAGE,
        "CancelStorage__credential": "managedidentity",
        "CancelStorage__clientId": "c1",
    }
    assert StorageSettings.from_env(user_assigned).client_id == "c1"


def test_storage_says_everything_that_is_wrong_at_once() -> None:
    found = problems(StorageSettings, {"CancelStorage__credential": "default", "CancelStorage": ""})
    assert [problem.split()[0] for problem in found] == [
        "CancelStorage__queueServiceUri",
        "CancelStorage__tableServiceUri",
        "CancelStorage__credential",
    ]


def test_policy_has_the_documented_defaults() -> None:
    assert PolicySettings.from_env({}) == PolicySettings(
        allowed_publishers=frozenset(),
        notification_delay=timedelta(minutes=15),
        request_ttl=timedelta(hours=24),
        confirm_deadline=timedelta(minutes=120),
        retry_first=timedelta(seconds=15),
        second_look=timedelta(seconds=45),
        poll_concurrency=16,
        poll_run=timedelta(seconds=45),
        poll_lease=timedelta(seconds=120),
        retention=timedelta(days=90),
    )


DURATIONS = {
    "NOTIFICATION_DELAY_MINUTES": ("notification_delay", 60),
    "CANCEL_REQUEST_TTL_HOURS": ("request_ttl", 3600),
    "CANCEL_CONFIRM_MINUTES": ("confirm_deadline", 60),
    "RETRY_FIRST_SECONDS": ("retry_first", 1),
    "SECOND_LOOK_SECONDS": ("second_look", 1),
    "POLL_RUN_SECONDS": ("poll_run", 1),
    "POLL_LEASE_SECONDS": ("poll_lease", 1),
}
SEVEN_DAYS = 7 * 24 * 3600


@pytest.mark.parametrize(("name", "field"), DURATIONS.items(), ids=DURATIONS)
def test_a_duration_accepts_decimals_up_to_seven_days(name: str, field: tuple[str, int]) -> None:
    attribute, unit = field
    for text, seconds in {
        "0.25": 0.25 * unit,
        " 2 ": 2 * unit,
        "1.5e0": 1.5 * unit,
        str(SEVEN_DAYS / unit): SEVEN_DAYS,
    }.items():
        found = getattr(PolicySettings.from_env({name: text}), attribute)
        assert found == timedelta(seconds=seconds)


@pytest.mark.parametrize("name", DURATIONS)
@pytest.mark.parametrize(
    "text", ["0", "-1", "-0.0", "nan", "inf", "-inf", "1,5", "5 minutes", "0x10", "1e9", "1e999"]
)
def test_a_duration_that_is_none_is_refused(name: str, text: str) -> None:
    assert problems(PolicySettings, {name: text}) == (
        f"{name} must be a number above 0, at most 7 days",
    )


@pytest.mark.parametrize(("text", "hours"), [("5", "24"), ("4.25", "6"), ("3650", "168")])
def test_rows_are_kept_for_years_or_for_as_long_as_they_are_needed(text: str, hours: str) -> None:
    environ = {"LEDGER_RETENTION_DAYS": text, "CANCEL_REQUEST_TTL_HOURS": hours}
    assert PolicySettings.from_env(environ).retention == timedelta(days=float(text))


@pytest.mark.parametrize(("text", "hours"), [("4.9", "24"), ("0.1", "0.1"), ("10", "168")])
def test_rows_are_not_removed_while_messages_may_need_them(text: str, hours: str) -> None:
    environ = {"LEDGER_RETENTION_DAYS": text, "CANCEL_REQUEST_TTL_HOURS": hours}
    [problem] = problems(PolicySettings, environ)
    assert problem.startswith("LEDGER_RETENTION_DAYS must be at least 4 days longer than")


@pytest.mark.parametrize("text", ["0", "-1", "nan", "3651", "x"])
def test_a_retention_that_is_none_is_refused(text: str) -> None:
    assert problems(PolicySettings, {"LEDGER_RETENTION_DAYS": text}) == (
        "LEDGER_RETENTION_DAYS must be a number above 0, at most 3650 days",
    )


@pytest.mark.parametrize("text", ["1", "16", "256", " 8 "])
def test_a_count_is_a_whole_number(text: str) -> None:
    assert PolicySettings.from_env({"POLL_CONCURRENCY": text}).poll_concurrency == int(text)


@pytest.mark.parametrize(
    "text",
    ["0", "257", "-1", "1.5", "ten", "+1", "1_6", "\u0661", "9" * 5000, "00001" + "0" * 9, "0x1"],
    ids=lambda text: text[:20],
)
def test_a_count_out_of_bounds_is_refused(text: str) -> None:
    assert problems(PolicySettings, {"POLL_CONCURRENCY": text}) == (
        "POLL_CONCURRENCY must be a whole number from 1 to 256",
    )


def test_policy_says_everything_that_is_wrong_at_once() -> None:
    wrong = dict.fromkeys([*DURATIONS, "LEDGER_RETENTION_DAYS", "POLL_CONCURRENCY"], "x")
    named = {problem.split()[0] for problem in problems(PolicySettings, wrong)}
    assert named == set(wrong)


def test_an_empty_setting_is_a_missing_one() -> None:
    blank = dict.fromkeys(
        [*DURATIONS, "LEDGER_RETENTION_DAYS", "POLL_CONCURRENCY", "ALLOWED_PUBLISHERS"], "  "
    )
    assert PolicySettings.from_env(blank) == PolicySettings()


@pytest.mark.parametrize(
    ("allowed", "publisher", "serves"),
    [
        ("", "contoso", True),
        (" , ", "contoso", True),
        ("Contoso", "contoso", True),
        ("contoso", "CONTOSO", True),
        ("fabrikam, contoso ,", "contoso", True),
        ("fabrikam", "contoso", False),
        ("contoso-inc", "contoso", False),
        ("contoso", "contoso-inc", False),
    ],
)
def test_a_deployment_serves_the_publishers_it_lists_or_all(
    allowed: str, publisher: str, serves: bool
) -> None:
    assert PolicySettings.from_env({"ALLOWED_PUBLISHERS": allowed}).serves(publisher) is serves


MAIL = {
    "NOTIFICATION_SENDER": "cancel@Contoso.com",
    "NOTIFICATION_SMTP_URL": f"smtp://user:{SECRET}@mail.example.com:2587",
}


def mail(**changes: str) -> MailSettings:
    return MailSettings.from_env({**MAIL, **changes})


def test_mail_needs_a_sender_and_a_server() -> None:
    found = mail()
    assert (found.sender, found.default_emails) == ("cancel@Contoso.com", ())
    assert (found.server.host, found.server.port, found.server.password) == (
        "mail.example.com",
        2587,
        SECRET,
    )
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("changes", "domains"),
    [
        ({}, {"contoso.com"}),
        (
            {"NOTIFICATION_DEFAULT_EMAILS": "ops@Fabrikam.com,a@contoso.com"},
            {"contoso.com", "fabrikam.com"},
        ),
        (
            {"NOTIFICATION_ALLOWED_DOMAINS": "Example.org, example.net"},
            {"example.org", "example.net"},
        ),
        ({"NOTIFICATION_ALLOWED_DOMAINS": "*"}, {"*"}),
        ({"NOTIFICATION_ALLOWED_DOMAINS": " , "}, {"contoso.com"}),
    ],
)
def test_mail_goes_to_the_listed_domains_else_to_those_of_sender_and_defaults(
    changes: dict[str, str], domains: set[str]
) -> None:
    assert mail(**changes).allowed_domains == domains


def test_mail_says_everything_that_is_wrong_at_once() -> None:
    found = problems(
        MailSettings,
        {
            "NOTIFICATION_SENDER": "a@contoso.com,b@contoso.com",
            "NOTIFICATION_SMTP_URL": f"smtp://user:{SECRET}@mail.example.com/{SECRET}",
            "NOTIFICATION_DEFAULT_EMAILS": f"ok@contoso.com,{SECRET}",
        },
    )
    assert [problem.split()[0] for problem in found] == [
        "NOTIFICATION_SENDER",
        "NOTIFICATION_DEFAULT_EMAILS",
        "NOTIFICATION_SMTP_URL",
    ]
    assert "address 2 is not a valid e-mail address" in found[1]


def test_mail_without_any_setting_names_what_is_missing() -> None:
    found = problems(MailSettings, {})
    assert [problem.split(":")[0] for problem in found] == [
        "NOTIFICATION_SENDER is missing",
        "NOTIFICATION_SMTP_URL is missing (or NOTIFICATION_ACS_ENDPOINT)",
    ]


@pytest.mark.parametrize("part", [StorageSettings, MailSettings], ids=["Storage", "Mail"])
def test_the_error_names_its_part(part: Any, request: pytest.FixtureRequest) -> None:
    with pytest.raises(ConfigurationError) as raised:
        part.from_env({})
    assert raised.value.part == request.node.callspec.id
    assert str(raised.value).startswith(f"{raised.value.part} settings: ")


def test_one_wrong_part_does_not_touch_another() -> None:
    environ = {**STORAGE, "POLL_CONCURRENCY": "x", "NOTIFICATION_SENDER": "x"}
    assert StorageSettings.from_env(environ)
    with pytest.raises(ConfigurationError, match="Policy settings"):
        PolicySettings.from_env(environ)
    with pytest.raises(ConfigurationError, match="Mail settings"):
        MailSettings.from_env(environ)
