"""What is to be done about a check that failed, by what was answered.

An indented line is a command for the app as infra/ deploys it, to be typed in a checkout with the
azd environment selected. The advice stands for the problem, too: two failures with the same advice
are one problem.
"""

from collections.abc import Sequence
from itertools import product

from shared.errors import (
    ConfigurationError,
    MailAnswerLostError,
    OfferCancelError,
    PartnerCenterError,
)
from shared.settings_reader import UNRESOLVED

type Hints = Sequence[tuple[str, str]]

NOT_ALLOWED = "its domain is not in NOTIFICATION_ALLOWED_DOMAINS"
_ACCESS = "\n  infra/scripts/partner-center-access.sh"
_RENEW = f"{_ACCESS} --renew"
# Without the option azd does nothing as long as the templates are what they were.
_PROVISION = "\n  azd provision --no-state"
_PROBE = "\n  infra/scripts/probe.sh"

SETTINGS = "Mend these settings of the function app; until then requests wait, or are not accepted."
_NO_WEBHOOKS = (
    "Mend WEBHOOK_SECRETS: every webhook is refused until then. As a Key Vault reference it is the"
    " secret webhook-secrets, and a new value counts once the app is restarted."
)
_NO_SECRET = (
    "Azure could not take these secrets from Key Vault: put in what is missing, or give the app's"
    " identity the role Key Vault Secrets User on it. The first command says which it is, the"
    f" second gives the role.{_PROBE}{_PROVISION}"
)

_NOT_FEDERATED = "The application has no federated credential"
_TOKEN: Hints = (
    (
        "AADSTS7000222",
        "The client secret has expired: make a new one for the application in Microsoft Entra and"
        f" set PARTNER_CENTER_CLIENT_SECRET; or let it be put into Key Vault.{_RENEW}",
    ),
    (
        "AADSTS7000215",
        "This is not a secret of the application: set PARTNER_CENTER_CLIENT_SECRET to the secret's"
        f" value, not its id; or let a new one be put into Key Vault.{_RENEW}",
    ),
    (
        "AADSTS700016",
        "The tenant does not know the application: check PARTNER_CENTER_CLIENT_ID and"
        " PARTNER_CENTER_TENANT_ID. In a tenant of its own Partner Center needs an administrator's"
        f" consent; the command prints the link.{_ACCESS}",
    ),
    (
        "AADSTS7000229",
        "The application has no service principal in the tenant of Partner Center: an"
        " administrator has to consent there; the first command prints the link, and who is signed"
        f" in there may use the second.{_ACCESS}"
        '\n  az ad sp create --id "$(azd env get-value PARTNER_CENTER_CLIENT_ID)"',
    ),
    (
        "AADSTS7000112",
        "The application is disabled: somebody has to enable it, signed in to the tenant of"
        " Partner Center; the first command shows its id, which the second needs as ID."
        "\n  azd env get-value PARTNER_CENTER_CLIENT_ID"
        "\n  az ad sp update --id ID --set accountEnabled=true",
    ),
    (
        "AADSTS53003",
        "A Conditional Access policy keeps the application out: in the tenant of Partner Center,"
        " exclude it, or let in the addresses that the function app calls from.",
    ),
    ("AADSTS90002", "There is no such tenant: check PARTNER_CENTER_TENANT_ID."),
    (
        "AADSTS700027",
        "The application does not know this certificate, or it has expired: upload its public part"
        f" in Microsoft Entra; or let a new one be made in Key Vault.{_RENEW}",
    ),
    (
        "AADSTS700236",
        "The application must be registered in the tenant of the managed identity, and be allowed"
        " in the tenant of Partner Center; the command makes one.\n  azd env set"
        f" PARTNER_CENTER_CLIENT_ID ''{_ACCESS}",
    ),
    (
        "AADSTS700211",
        f"{_NOT_FEDERATED} of this issuer: the issuer must be the tenant of the managed identity,"
        f" as https://login.microsoftonline.com/TENANT-ID/v2.0. The command adds it.{_ACCESS}",
    ),
    (
        "AADSTS700212",
        f"{_NOT_FEDERATED} for this audience: it must be api://AzureADTokenExchange. The command"
        f" changes it.{_ACCESS}",
    ),
    (
        "AADSTS700213",
        f"{_NOT_FEDERATED} for this managed identity: the subject must be the identity's object"
        " id, not its client id, and the identity that of this deployment. The command adds it."
        f"{_ACCESS}",
    ),
    (
        "AADSTS7002",
        f"{_NOT_FEDERATED} for this managed identity: add one with the identity's object id as its"
        f" subject; the command does.{_ACCESS}",
    ),
    (
        "AADSTS500011",
        "There is nothing by the name of PARTNER_CENTER_SCOPE: leave the setting out, unless you"
        " know better.",
    ),
    (
        "ManagedIdentityCredential",
        "The function app does not have the managed identity: assign it, and check"
        f" PARTNER_CENTER_MANAGED_IDENTITY_CLIENT_ID; the command does both.{_PROVISION}",
    ),
)
_NOTHING_ISSUED = (
    "Check the PARTNER_CENTER_ settings, the certificate's file if there is one, and whether"
    " login.microsoftonline.com can be reached from the function app."
)
_NO_ACCESS = (
    "Add the application to the publisher's account in Partner Center (Account settings > User"
    " management > Microsoft Entra applications), with the role Manager."
)
_NOT_TAKEN = (
    "Partner Center does not take the token: check PARTNER_CENTER_TENANT_ID,"
    " PARTNER_CENTER_CLIENT_ID and PARTNER_CENTER_SCOPE."
)
_NO_ANSWER = (
    "Partner Center cannot be reached or read; requests wait and go on by themselves. If it lasts,"
    " check PARTNER_CENTER_URL and the way out of the network."
)
_STORAGE: Hints = (
    (
        "AuthorizationPermissionMismatch",
        "Give the function app's identity the roles Storage Queue Data Contributor and Storage"
        " Table Data Contributor on this storage account, or on each queue and the table. The"
        f" command does; it may take ten minutes until they count.{_PROVISION}",
    ),
    (
        "KeyBasedAuthenticationNotPermitted",
        "The storage account takes no keys: let the app use its identity, by"
        " CancelStorage__queueServiceUri, CancelStorage__tableServiceUri and"
        f" CancelStorage__clientId in place of CancelStorage; the command does.{_PROVISION}",
    ),
    (
        "AuthorizationFailure",
        "The storage account does not let the function app in: look at its firewall and network"
        " rules.",
    ),
    (
        "AuthenticationFailed",
        "The storage account does not take the key or the identity: check the CancelStorage"
        " settings.",
    ),
    (
        "AzureSigningError",
        "What CancelStorage has as its AccountKey is no key: copy the account's connection string"
        " anew.",
    ),
)
_NO_STORAGE = (
    "Storage cannot be reached: check the CancelStorage settings, the account's firewall, and the"
    " account's state in Azure."
)
_NO_MAIL_ACCESS = (
    "Azure Communication Services does not let the identity in: give it the role Communication and"
    " Email Service Owner on the resource of NOTIFICATION_ACS_ENDPOINT, in the same tenant. The"
    f" commands do; it may take ten minutes until it counts.\n  azd env set MAIL_ROLE built-in"
    f"{_PROVISION}"
)
_LOCKED_OUT = tuple(product(("login", "mail"), (401, 403)))
_MAIL: Hints = (
    (
        "no token for the mail service",
        "The function app does not have the managed identity that is to mail: assign it, and check"
        f" NOTIFICATION_ACS_CLIENT_ID; the command does both.{_PROVISION}",
    ),
    (
        "DomainNotLinked",
        "The domain of NOTIFICATION_SENDER is not linked to the resource of"
        " NOTIFICATION_ACS_ENDPOINT. The command links the one that may send: Azure's, until yours"
        f" is verified.{_PROVISION}",
    ),
    (
        "InvalidSenderUserName",
        "The domain is linked, but has no such sender: check NOTIFICATION_SENDER, and the"
        " MailFrom addresses of the domain in Azure.",
    ),
    (
        NOT_ALLOWED,
        "The app mails to no such domain: add it to NOTIFICATION_ALLOWED_DOMAINS, or name an"
        " address of another.",
    ),
    (
        "refused for good",
        "The mail server knows no such mailbox, or takes no mail for it from NOTIFICATION_SENDER.",
    ),
    ("refused for now", "The mail server puts it off: try again in some minutes."),
    (
        "quota is used up",
        "The mail service lets nothing be sent for now: try again in an hour, or have the quota"
        " raised by a support request.",
    ),
    (
        "answered the sender",
        "The mail server does not take NOTIFICATION_SENDER: use an address that its user may send"
        " from.",
    ),
    *((f"answered the {step}: {code}", _NO_MAIL_ACCESS) for step, code in _LOCKED_OUT),
    (
        "the login: 429",
        "The subscription's quota for asking about mails is used up by others: see who asks so"
        " often, or have it raised by a support request.",
    ),
    (
        "mail service http",
        "Azure Communication Services cannot be reached: check NOTIFICATION_ACS_ENDPOINT and the"
        " way out of the network; mails wait for three days.",
    ),
    (
        "the login",
        "The mail server does not take user and password: check NOTIFICATION_SMTP_URL; a client"
        " secret used as password may have expired.",
    ),
    (
        "no login by",
        "The mail server offers no login, or none before TLS: check host and port of"
        " NOTIFICATION_SMTP_URL.",
    ),
    ("certificate", "The mail server's certificate is not valid for the host that is named."),
)
_PERHAPS_SENT = "It may have been sent: see whether it arrives."
_NO_MAIL = (
    "The mail server cannot be reached: check NOTIFICATION_SMTP_URL and the way out of the network"
    " (Azure blocks port 25); mails wait for three days."
)


def for_token(error: OfferCancelError) -> str:
    """When no token for Partner Center is to be had."""
    return _hint(error, _TOKEN, _NOTHING_ISSUED)


def for_reading(error: OfferCancelError) -> str:
    """When Partner Center cannot be read."""
    status = error.status_code if isinstance(error, PartnerCenterError) else None
    if str(error).startswith("no token"):
        return for_token(error)
    by_status = {401: _NOT_TAKEN, 403: _NO_ACCESS}
    return _hint(error, (), by_status.get(status or 0, _NO_ANSWER))


def for_storage(error: OfferCancelError) -> str:
    """When a queue or the table cannot be used."""
    return _hint(error, _STORAGE, _NO_STORAGE)


def for_mail(error: OfferCancelError) -> str:
    """When the mail server cannot be used, or did not take a mail."""
    if isinstance(error, MailAnswerLostError):
        return _PERHAPS_SENT
    return _hint(error, _MAIL, _NO_MAIL)


def for_settings(error: OfferCancelError) -> str:
    """When a part of the settings cannot be read."""
    return _hint(error, (), SETTINGS)


def for_webhooks(error: OfferCancelError) -> str:
    """When the secrets of webhooks' senders cannot be read."""
    return _NO_SECRET if UNRESOLVED in str(error) else _NO_WEBHOOKS


def _hint(error: OfferCancelError, hints: Hints, otherwise: str) -> str:
    if isinstance(error, ConfigurationError):
        return _NO_SECRET if UNRESOLVED in str(error) else SETTINGS
    return next((advice for sign, advice in hints if sign in str(error)), otherwise)
