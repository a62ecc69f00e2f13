"""Makes the sender that the mail settings ask for; each loads its own SDK and not the other's."""

from shared.notification.sender import Sender
from shared.settings import MailSettings

_CHECK_SECONDS = 30.0


def sender_for(settings: MailSettings) -> Sender:
    """The one sender of this process; nothing is connected yet."""
    if settings.acs:
        from shared.notification.acs import AcsSender  # loads the SDKs of mail and identity

        return AcsSender(settings.acs)
    from shared.notification.smtp import SmtpSender  # loads smtplib and email

    return SmtpSender(settings.server)


def log_in(settings: MailSettings) -> None:
    """See whether the mail service lets us in, without a mail.

    Raises:
        MailDeferredError: It does not, or cannot be reached.
    """
    if settings.acs:
        from shared.notification.acs import AcsSender

        AcsSender(settings.acs, deadline_seconds=_CHECK_SECONDS).log_in()
        return
    from shared.notification.smtp import SmtpSender

    SmtpSender(settings.server, timeout_seconds=10, deadline_seconds=_CHECK_SECONDS).log_in()
