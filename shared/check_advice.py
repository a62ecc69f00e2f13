"""What is to be done about a check that failed, by what was answered.

The advice stands for the problem, too: two failures with the same advice are one problem.
"""

from collections.abc import Sequence

from shared.errors import ConfigurationError, OfferCancelError, PartnerCenterError

type Hints = Sequence[tuple[str, str]]

SETTINGS = "Mend these settings of the function app; requests wait until then."

_TOKEN: Hints = (
    (
        "AADSTS7000222",
        "The client secret has expired: make a new one for the application in Microsoft Entra and"
        " set PARTNER_CENTER_CLIENT_SECRET.",
    ),
    (
        "AADSTS7000215",
        "This is not a secret of the application: set PARTNER_CENTER_CLIENT_SECRET to the secret's"
        " value, not its id.",
    ),
    (
        "AADSTS700016",
        "The tenant does not know the application: check PARTNER_CENTER_CLIENT_ID and"
        " PARTNER_CENTER_TENANT_ID.",
    ),
    ("AADSTS90002", "There is no such tenant: check PARTNER_CENTER_TENANT_ID."),
    (
        "AADSTS700027",
        "The application does not know this certificate, or it has expired: upload its public part"
        " in Microsoft Entra.",
    ),
    (
        "AADSTS700236",
        "The application must be registered in the tenant of the managed identity, and be allowed"
        " in the tenant of Partner Center.",
    ),
    (
        "AADSTS7002",
        "The application has no federated credential for this managed identity: add one with the"
        " identity's object id as its subject.",
    ),
    (
        "AADSTS500011",
        "There is nothing by the name of PARTNER_CENTER_SCOPE: leave the setting out, unless you"
        " know better.",
    ),
    (
        "ManagedIdentityCredential",
        "The function app does not have the managed identity: assign it, and check"
        " PARTNER_CENTER_MANAGED_IDENTITY_CLIENT_ID.",
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
        " Table Data Contributor on this storage account.",
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
)
_NO_STORAGE = (
    "Storage cannot be reached: check the CancelStorage settings, the account's firewall, and the"
    " account's state in Azure."
)
_NO_MAIL_ACCESS = (
    "Azure Communication Services does not let the identity in: give it the role Communication and"
    " Email Service Owner on the resource of NOTIFICATION_ACS_ENDPOINT, in the same tenant."
)
_MAIL: Hints = (
    (
        "no token for the mail service",
        "The function app does not have the managed identity that is to mail: assign it, and check"
        " NOTIFICATION_ACS_CLIENT_ID.",
    ),
    ("the login: 401", _NO_MAIL_ACCESS),
    ("the login: 403", _NO_MAIL_ACCESS),
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
    """When the mail server cannot be used."""
    return _hint(error, _MAIL, _NO_MAIL)


def _hint(error: OfferCancelError, hints: Hints, otherwise: str) -> str:
    if isinstance(error, ConfigurationError):
        return SETTINGS
    return next((advice for sign, advice in hints if sign in str(error)), otherwise)
