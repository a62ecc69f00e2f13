"""The settings, frozen, in parts that fail apart from each other.

Each part is read from the environment when it is first needed, and reports all of its problems at
once: a wrong mail setting must not stop a cancellation. Durations accept decimals.
"""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from shared.addresses import domain_of, parse_addresses
from shared.callers import Callers, parse_allowed
from shared.hosts import is_loopback
from shared.notification.acs_resource import AcsResource, parse_acs_endpoint, quota_for
from shared.notification.quota import parse_quota
from shared.notification.smtp_url import SmtpServer, parse_smtp_url
from shared.settings_reader import Environment, SettingsReader
from shared.webhooks.secrets import WebhookSecrets, parse_secrets

PARTNER_CENTER_URL = "https://cloudpartner.azure.com"
PARTNER_CENTER_SCOPE = "https://cloudpartner.azure.com/.default"
# What a host may consist of: urlsplit takes any character for one.
_HOST = re.compile(r"(?:[a-z0-9-]+\.)*[a-z0-9-]+|\[[0-9a-f:.]+\]")

_LONGEST = timedelta(days=3650)
_AFTER_TTL = timedelta(days=4)  # a cancellation is confirmed for a day, its mail tried for three


@dataclass(frozen=True, kw_only=True)
class StorageSettings:
    """Where the queues and the table live: a connection string, or an identity and two URLs.

    Attributes:
        uses_azure_cli: Whether the identity is that of the person who is signed in with ``az``.
    """

    connection_string: str = field(default="", repr=False)
    queue_service_uri: str = ""
    table_service_uri: str = ""
    client_id: str = ""
    uses_azure_cli: bool = False

    @classmethod
    def from_env(cls, environ: Environment, *, needs_table: bool = True) -> "StorageSettings":
        """Read ``CancelStorage``; ``ConfigurationError`` with every problem.

        Args:
            environ: The settings.
            needs_table: Whether a missing URL of the tables is a problem of the caller's.
        """
        read = SettingsReader("Storage", environ)
        credential = read.text("CancelStorage__credential")
        settings = cls(
            connection_string=read.text("CancelStorage"),
            queue_service_uri=read.text("CancelStorage__queueServiceUri"),
            table_service_uri=read.text("CancelStorage__tableServiceUri"),
            client_id=read.text("CancelStorage__clientId"),
            uses_azure_cli=credential == "azurecli",
        )
        if not settings.connection_string:
            read.require("CancelStorage__queueServiceUri", "or CancelStorage", "account's queues")
            if needs_table:
                read.require(
                    "CancelStorage__tableServiceUri", "or CancelStorage", "account's tables"
                )
            if credential not in ("", "managedidentity", "azurecli"):
                read.problem("CancelStorage__credential", "can only be managedidentity or azurecli")
        return read.checked(settings)


@dataclass(frozen=True, kw_only=True)
class PolicySettings:
    """How patient the app is, and for whom it works.

    Attributes:
        allowed_publishers: In lower case; empty for all.
        retention: How long the row of a request is kept after all is done for it.
    """

    allowed_publishers: frozenset[str] = frozenset()
    notification_delay: timedelta = timedelta(minutes=15)
    request_ttl: timedelta = timedelta(hours=24)
    confirm_deadline: timedelta = timedelta(minutes=120)
    retry_first: timedelta = timedelta(seconds=15)
    second_look: timedelta = timedelta(seconds=45)
    poll_concurrency: int = 16
    poll_run: timedelta = timedelta(seconds=45)
    poll_lease: timedelta = timedelta(seconds=120)
    retention: timedelta = timedelta(days=90)

    @classmethod
    def from_env(cls, environ: Environment) -> "PolicySettings":
        """Read the policy; ``ConfigurationError`` with every problem."""
        read = SettingsReader("Policy", environ)
        seconds, hours = timedelta(seconds=1), timedelta(hours=1)
        minutes = timedelta(minutes=1)
        retention = read.duration("LEDGER_RETENTION_DAYS", 90, timedelta(days=1), most=_LONGEST)
        request_ttl = read.duration("CANCEL_REQUEST_TTL_HOURS", 24, hours)
        if retention < request_ttl + _AFTER_TTL:
            read.problem(
                "LEDGER_RETENTION_DAYS",
                f"must be at least {_AFTER_TTL.days} days longer than CANCEL_REQUEST_TTL_HOURS:"
                " until then messages of a request may come that need its row",
            )
        return read.checked(
            cls(
                allowed_publishers=frozenset(p.lower() for p in read.items("ALLOWED_PUBLISHERS")),
                notification_delay=read.duration("NOTIFICATION_DELAY_MINUTES", 15, minutes),
                request_ttl=request_ttl,
                confirm_deadline=read.duration("CANCEL_CONFIRM_MINUTES", 120, minutes),
                retry_first=read.duration("RETRY_FIRST_SECONDS", 15, seconds),
                second_look=read.duration("SECOND_LOOK_SECONDS", 45, seconds),
                poll_concurrency=read.count("POLL_CONCURRENCY", 16),
                poll_run=read.duration("POLL_RUN_SECONDS", 45, seconds),
                poll_lease=read.duration("POLL_LEASE_SECONDS", 120, seconds),
                retention=retention,
            )
        )

    def serves(self, publisher_id: str) -> bool:
        """Whether this deployment works for the publisher."""
        return not self.allowed_publishers or publisher_id.lower() in self.allowed_publishers


@dataclass(frozen=True, kw_only=True)
class PartnerCenterSettings:
    """Where Partner Center is and who we are there; exactly one way to authenticate is set."""

    url: str = PARTNER_CENTER_URL
    scope: str = PARTNER_CENTER_SCOPE
    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    certificate_path: str = ""
    managed_identity_client_id: str = ""
    static_token: str = field(default="", repr=False)

    @classmethod
    def from_env(cls, environ: Environment) -> "PartnerCenterSettings":
        """Read the Partner Center part; ``ConfigurationError`` with every problem."""
        read = SettingsReader("Partner Center", environ)
        settings = cls(
            url=read.text("PARTNER_CENTER_URL", PARTNER_CENTER_URL).rstrip("/").lower(),
            scope=read.text("PARTNER_CENTER_SCOPE", PARTNER_CENTER_SCOPE),
            tenant_id=read.text("PARTNER_CENTER_TENANT_ID"),
            client_id=read.text("PARTNER_CENTER_CLIENT_ID"),
            client_secret=read.text("PARTNER_CENTER_CLIENT_SECRET"),
            certificate=read.text("PARTNER_CENTER_CERTIFICATE"),
            certificate_path=read.text("PARTNER_CENTER_CERTIFICATE_PATH"),
            managed_identity_client_id=read.text("PARTNER_CENTER_MANAGED_IDENTITY_CLIENT_ID"),
            static_token=read.text("PARTNER_CENTER_STATIC_TOKEN"),
        )
        _check_url(read, settings)
        if not settings.static_token:
            _check_principal(read, settings)
        return read.checked(settings)


@dataclass(frozen=True, kw_only=True)
class MailSettings:
    """Who mails, how, and to whom it may.

    Attributes:
        smtp: The mail server; or ``acs``, never both.
        allowed_domains: In lower case; ``*`` opens it.
    """

    sender: str
    smtp: SmtpServer | None = None
    acs: AcsResource | None = None
    default_emails: tuple[str, ...]
    allowed_domains: frozenset[str]

    @property
    def server(self) -> SmtpServer:
        """The mail server, where one is meant to be used."""
        if self.smtp is None:
            raise ValueError("no mail server is set")
        return self.smtp

    @classmethod
    def from_env(cls, environ: Environment) -> "MailSettings":
        """Read the mail part; ``ConfigurationError`` with every problem."""
        read = SettingsReader("Mail", environ)
        read.require("NOTIFICATION_SENDER", "", "address that mails come from")
        sender = read.parsed("NOTIFICATION_SENDER", parse_addresses, ())
        if len(sender) > 1:
            read.problem("NOTIFICATION_SENDER", "must be one address")
        default_emails = read.parsed("NOTIFICATION_DEFAULT_EMAILS", parse_addresses, ())
        smtp = read.parsed("NOTIFICATION_SMTP_URL", parse_smtp_url, None)
        acs = _acs_resource(read, domain_of(sender[0]) if sender else "")
        domains = read.items("NOTIFICATION_ALLOWED_DOMAINS") or [
            domain_of(address) for address in (*sender, *default_emails)
        ]
        read.finish()
        return cls(
            sender=sender[0],
            smtp=smtp,
            acs=acs,
            default_emails=default_emails,
            allowed_domains=frozenset(domain.lower() for domain in domains),
        )


def _acs_resource(read: SettingsReader, sender_domain: str) -> AcsResource | None:
    """The resource that is to mail in place of a mail server, if one is named."""
    endpoint = read.parsed("NOTIFICATION_ACS_ENDPOINT", parse_acs_endpoint, "")
    client_id = read.text("NOTIFICATION_ACS_CLIENT_ID")
    quota = read.parsed("NOTIFICATION_ACS_QUOTA", parse_quota, quota_for(sender_domain))
    if not read.text("NOTIFICATION_ACS_ENDPOINT"):
        meaning = "mail server, as smtp://HOST:587 with user and password before HOST"
        read.require("NOTIFICATION_SMTP_URL", "or NOTIFICATION_ACS_ENDPOINT", meaning)
        return None
    if read.text("NOTIFICATION_SMTP_URL"):
        read.problem(
            "NOTIFICATION_SMTP_URL, NOTIFICATION_ACS_ENDPOINT", "exactly one of them must be set"
        )
    return AcsResource(endpoint=endpoint, client_id=client_id, quota=quota)


def _check_url(read: SettingsReader, settings: PartnerCenterSettings) -> None:
    url = settings.url
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    host = parts.hostname or ""
    bracketed = f"[{host}]" if ":" in host else host
    if not _HOST.fullmatch(bracketed) or url.lower() != f"{parts.scheme}://{bracketed}{port}":
        read.problem("PARTNER_CENTER_URL", "must be a scheme and a host, nothing more")
    elif parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        read.problem("PARTNER_CENTER_URL", "must be https (http only for this machine's loopback)")
    if settings.static_token and not is_loopback(host):
        read.problem("PARTNER_CENTER_STATIC_TOKEN", "only goes with a loopback PARTNER_CENTER_URL")


def _check_principal(read: SettingsReader, settings: PartnerCenterSettings) -> None:
    read.require("PARTNER_CENTER_TENANT_ID", "", "tenant of the Partner Center account")
    read.require("PARTNER_CENTER_CLIENT_ID", "", "application that is a user in Partner Center")
    ways = {
        "PARTNER_CENTER_CLIENT_SECRET": settings.client_secret,
        "PARTNER_CENTER_CERTIFICATE": settings.certificate,
        "PARTNER_CENTER_CERTIFICATE_PATH": settings.certificate_path,
        "PARTNER_CENTER_MANAGED_IDENTITY_CLIENT_ID": settings.managed_identity_client_id,
    }
    if sum(map(bool, ways.values())) != 1:
        read.problem(", ".join(ways), "exactly one of them must be set")


@dataclass(frozen=True, kw_only=True)
class WebhookSettings:
    """Who may send webhooks; nobody by default."""

    secrets: WebhookSecrets = field(repr=False)

    @classmethod
    def from_env(cls, environ: Environment) -> "WebhookSettings":
        """Read the webhook part; ``ConfigurationError`` with every problem."""
        read = SettingsReader("Webhook", environ)
        secrets = read.parsed("WEBHOOK_SECRETS", parse_secrets, WebhookSecrets())
        return read.checked(cls(secrets=secrets))


def callers_from_env(environ: Environment) -> Callers:
    """Read who may call over HTTP; ``ConfigurationError`` with every problem."""
    read = SettingsReader("Caller", environ)
    # The platform sets it, by whether App Service authentication is on.
    are_authenticated = read.text("WEBSITE_AUTH_ENABLED").lower() == "true"
    is_limited = bool(read.text("ALLOWED_CALLERS"))
    allowed, problems = parse_allowed(read.items("ALLOWED_CALLERS"))
    for problem in problems:
        read.problem("ALLOWED_CALLERS", problem)
    if is_limited and not (allowed or problems):
        read.problem("ALLOWED_CALLERS", "names nobody")
    if is_limited and not are_authenticated:
        read.problem(
            "ALLOWED_CALLERS",
            "needs App Service authentication, which is off (WEBSITE_AUTH_ENABLED)",
        )
    return read.checked(Callers(are_authenticated=are_authenticated, allowed=allowed))
