from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devstack.processes import ROOT
from shared import check_advice
from shared.checks import (
    PROBE_OFFER,
    Check,
    Status,
    mail_check,
    partner_center_checks,
    run_checks,
    storage_checks,
    trial_mail_check,
)
from shared.errors import (
    ConfigurationError,
    MailAnswerLostError,
    MailDeferredError,
    MailRefusedError,
    NotSentError,
    OfferCancelError,
    RefusedError,
    StorageUnavailableError,
    TransientError,
)
from shared.settings import PartnerCenterSettings
from tests.shared.builders import offer_status

WRONG = ConfigurationError("Some", ("A_SETTING is missing",))


class Center:
    """Answers one question."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str]] = []

    def read_status(self, publisher_id: str, offer_id: str) -> Any:
        self.asked.append((publisher_id, offer_id))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def raises(error: Exception) -> Callable[..., Any]:
    def work(*_: object) -> Any:
        raise error

    return work


def reading(answer: Any, publisher_id: str = "contoso", offer_id: str = "") -> Any:
    center: Any = Center(answer)
    _, read = partner_center_checks(lambda: "token", lambda: center, publisher_id, offer_id)
    [result] = run_checks([read])
    return result


def token_answer(error: Exception) -> Any:
    token, _ = partner_center_checks(raises(error), raises(error), "", "")
    [result] = run_checks([token])
    return result


def test_a_token_is_all_that_is_said_of_it() -> None:
    token, _ = partner_center_checks(lambda: "eyJ.secret", raises(WRONG), "", "")
    [result] = run_checks([token])
    assert (result.status, result.said, result.mend) == (Status.OK, "a token was issued", "")


TOKEN_ERRORS = {
    "AADSTS7000222: The provided client secret keys are expired.": "access.sh --renew",
    "AADSTS7000215: Invalid client secret provided.": "value, not its id",
    "AADSTS700016: Application with identifier was not found": "PARTNER_CENTER_CLIENT_ID",
    "AADSTS90002: Tenant not found.": "no such tenant",
    "AADSTS700027: The certificate is not registered": "upload its public part",
    "AADSTS70021: No matching federated identity record found": "no federated credential",
    "AADSTS70025: The client has no configured federated identity": "no federated credential",
    "AADSTS700211: No matching federated identity record, issuer": "the issuer must be",
    "AADSTS700212: No matching federated identity record, audience": "api://AzureADTokenExchange",
    "AADSTS700213: No matching federated identity record, subject": "not its client id",
    "AADSTS7000229: The client is missing service principal": "ad sp create --id",
    "AADSTS7000112: Application is disabled.": "accountEnabled=true",
    "AADSTS53003: Access has been blocked by Conditional Access": "Conditional Access policy",
    "AADSTS700236: Entra ID tokens may not be used": "registered in the tenant of the managed",
    "AADSTS500011: The resource principal was not found": "PARTNER_CENTER_SCOPE",
    "ManagedIdentityCredential authentication unavailable": "assign it",
    "[Errno 2] No such file or directory: 'x.pem'": "the certificate's file",
}


@pytest.mark.parametrize("said", TOKEN_ERRORS)
def test_why_there_is_no_token_and_how_to_get_one(said: str) -> None:
    result = token_answer(NotSentError(f"no token for Partner Center: {said}"))
    assert result.status is Status.FAILED
    assert said in result.said
    assert TOKEN_ERRORS[said] in result.mend


def test_an_offer_that_is_there_is_read() -> None:
    result = reading(offer_status("Running", is_active=True), offer_id="vm")
    assert (result.status, result.said) == (Status.OK, "contoso/vm: Running")


def test_that_there_is_no_such_offer_proves_access() -> None:
    result = reading(RefusedError("there is no such offer", status_code=404))
    assert result.status is Status.OK
    assert PROBE_OFFER in result.said


READ_ERRORS: list[tuple[OfferCancelError, str]] = [
    (RefusedError("Forbidden", status_code=403), "User management"),
    (NotSentError("401", status_code=401), "does not take the token"),
    (NotSentError("no token for Partner Center: AADSTS7000222"), "has expired"),
    (TransientError("503", status_code=503), "cannot be reached or read"),
    (TransientError("ConnectTimeout"), "cannot be reached or read"),
    (WRONG, check_advice.SETTINGS),
]


@pytest.mark.parametrize(("error", "advice"), READ_ERRORS, ids=lambda value: str(value)[:30])
def test_why_nothing_can_be_read_and_how_to_mend_it(error: Exception, advice: str) -> None:
    result = reading(error)
    assert result.status is Status.FAILED
    assert str(error) in result.said
    assert advice in result.mend


def test_nothing_is_read_without_a_publisher() -> None:
    result = reading(raises(AssertionError()), publisher_id="")
    assert (result.status, result.mend) == (Status.SKIPPED, "")
    assert "ALLOWED_PUBLISHERS" in result.said


STORAGE_ERRORS: list[tuple[OfferCancelError, str]] = [
    (StorageUnavailableError("queue q: AuthorizationPermissionMismatch"), "Data Contributor"),
    (StorageUnavailableError("queue q: AuthorizationFailure"), "firewall"),
    (StorageUnavailableError("table: KeyBasedAuthenticationNotPermitted"), "takes no keys"),
    (StorageUnavailableError("queue q: AuthenticationFailed"), "does not take the key"),
    (StorageUnavailableError("queue q: ServiceRequestError"), "cannot be reached"),
    (WRONG, check_advice.SETTINGS),
]


@pytest.mark.parametrize(("error", "advice"), STORAGE_ERRORS, ids=lambda value: str(value)[:40])
def test_why_storage_cannot_be_used_and_how_to_mend_it(error: Exception, advice: str) -> None:
    failed, fine = run_checks(storage_checks({"a": raises(error), "b": lambda: None}))
    assert (failed.name, failed.status) == ("storage-a", Status.FAILED)
    assert advice in failed.mend
    assert (fine.name, fine.status) == ("storage-b", Status.OK)


MAIL_ERRORS: list[tuple[OfferCancelError, str]] = [
    (MailDeferredError("mail server h:25 answered the login: 535 no"), "user and password"),
    (MailDeferredError("mail server h:25: it offers no login by PLAIN or LOGIN"), "no login"),
    (MailDeferredError("mail server h:25: certificate verify failed"), "certificate is not valid"),
    (MailDeferredError("mail server h:25: Connection refused"), "cannot be reached"),
    (MailDeferredError("mail server h:25 answered the sender: 550 no"), "user may send from"),
    (MailDeferredError("mail service https://a answered the mail: 403 Denied"), "Service Owner"),
    (
        MailDeferredError("mail service https://a answered the mail: 404 DomainNotLinked"),
        "verified",
    ),
    (
        MailRefusedError("mail service https://a answered: 400 InvalidSenderUserName"),
        "no such sender",
    ),
    (MailDeferredError("the mail service's quota is used up for now"), "support request"),
    (MailDeferredError("the recipient was refused for now"), "try again"),
    (MailRefusedError("the recipient was refused for good"), "no such mailbox"),
    (MailAnswerLostError("mail service https://a: no answer"), "may have been sent"),
    (WRONG, check_advice.SETTINGS),
]


@pytest.mark.parametrize(("error", "advice"), MAIL_ERRORS, ids=lambda value: str(value)[:50])
@pytest.mark.parametrize("check", [mail_check, trial_mail_check])
def test_why_mail_cannot_be_sent_and_how_to_mend_it(
    check: Callable[..., Check], error: Exception, advice: str
) -> None:
    [result] = run_checks([check(raises(error))])
    assert result.status is Status.FAILED
    assert advice in result.mend


def test_a_secret_that_is_not_to_be_had_is_told_from_other_wrong_settings() -> None:
    environ = {"PARTNER_CENTER_CLIENT_SECRET": "@Microsoft.KeyVault(VaultName=v;SecretName=s)"}
    with pytest.raises(ConfigurationError) as caught:
        PartnerCenterSettings.from_env(environ)
    result = token_answer(caught.value)
    assert "PARTNER_CENTER_CLIENT_SECRET is a Key Vault reference" in result.said
    assert "Key Vault Secrets User" in result.mend


def commands() -> list[str]:
    """Every command that any advice has."""
    advice = (value for value in vars(check_advice).values() if isinstance(value, str | tuple))
    texts = [*_texts(advice)]
    return [line.strip() for text in texts for line in text.splitlines() if line.startswith("  ")]


def _texts(values: Any) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        else:
            yield from _texts(value) if isinstance(value, tuple) else ()


def test_every_command_that_is_advised_fits_on_a_line_and_names_a_script_that_is_there() -> None:
    found = commands()
    assert {command.split()[0] for command in found} == {
        "az",
        "azd",
        "infra/scripts/partner-center-access.sh",
        "infra/scripts/probe.sh",
    }
    for command in found:
        assert len(command) <= 89
        assert command.split()[0] in ("az", "azd") or (ROOT / command.split()[0]).is_file()


def test_what_is_said_has_no_addresses_and_tokens() -> None:
    error = StorageUnavailableError("for someone@contoso.com with Bearer abc")
    [result] = run_checks([Check("x", raises(error), check_advice.for_storage)])
    assert "contoso.com" not in result.said
    assert "abc" not in result.said


def test_what_nobody_expected_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        run_checks([Check("x", raises(ZeroDivisionError()), check_advice.for_storage)])
