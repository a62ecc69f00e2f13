"""The exceptions of Offer Cancel, grouped by what the caller must do next.

    OfferCancelError
    ├─ ConfigurationError            requests wait; a person mends the settings
    ├─ InvalidRequestError           no retry can mend it: 400, or the poison queue
    ├─ StorageUnavailableError       business storage cannot be written: 503, or the host retries
    ├─ QueueLeaseLostError           somebody else has the message: let go, send nothing
    ├─ RedriveRefusedError           it must not be put back: tell the person what to do instead
    ├─ RowConflictError              the row changed under us: read it again, decide again
    ├─ PartnerCenterError
    │  ├─ TransientError             look again later
    │  │  └─ NotSentError            ... and Partner Center surely did not get the request
    │  │     └─ NoTokenError         ... since Microsoft Entra gave no token for it
    │  └─ RefusedError               Partner Center answered no: its code and words
    └─ MailError
       ├─ MailDeferredError          nothing was accepted: send again later
       │  └─ MailBusyError           ... and nothing was tried, which is nobody's failure
       ├─ MailAnswerLostError        may have been accepted: send again, count it
       └─ MailRefusedError           refused for good: never send this again

That an operation was not canceled is an outcome, never an exception.
"""


class OfferCancelError(Exception):
    """Base of every error that this app raises on purpose."""


class ConfigurationError(OfferCancelError):
    """A part of the settings is unusable: requests that need it wait until it is mended.

    Attributes:
        part: The part of the settings, such as ``Partner Center``.
        problems: Every problem of that part, each naming its setting.
    """

    def __init__(self, part: str, problems: tuple[str, ...]) -> None:
        """Keep every problem of the part, so that all are mended in one go."""
        super().__init__(f"{part} settings: {'; '.join(problems)}")
        self.part = part
        self.problems = problems


class InvalidRequestError(OfferCancelError):
    """A request or message that no retry can mend; the message says what is wrong and where."""


class StorageUnavailableError(OfferCancelError):
    """Business storage could not be reached or written; nothing may be assumed of the call."""


class QueueLeaseLostError(OfferCancelError):
    """The pop receipt is stale: another worker has the message. Not a failure."""


class RedriveRefusedError(OfferCancelError):
    """A poisoned message that must not be put back; says why, and what to do instead."""


class RowConflictError(OfferCancelError):
    """The row was written by somebody else since it was read (ETag mismatch, or it exists)."""


class PartnerCenterError(OfferCancelError):
    """Partner Center did not give what was asked for.

    Attributes:
        status_code: The HTTP status, or None where no answer came.
        code: Partner Center's own error code, or an empty string.
    """

    def __init__(self, message: str, *, status_code: int | None = None, code: str = "") -> None:
        """Keep what Partner Center said."""
        super().__init__(message)
        self.status_code = status_code
        self.code = code


class TransientError(PartnerCenterError):
    """Repeat later. The request may have been carried out.

    Attributes:
        retry_after: Seconds that Partner Center asked to wait, at most 900, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        code: str = "",
        retry_after: float | None = None,
    ) -> None:
        """Keep what Partner Center said and how long it asked to wait."""
        super().__init__(message, status_code=status_code, code=code)
        self.retry_after = retry_after


class NotSentError(TransientError):
    """Repeat later. Partner Center surely did not carry the request out."""


class NoTokenError(NotSentError):
    """Repeat later. Microsoft Entra gave no token, so that nothing could be sent."""


class RefusedError(PartnerCenterError):
    """Partner Center answered and said no; repeating the same request changes nothing."""


class MailError(OfferCancelError):
    """A mail could not be handed over."""


class MailDeferredError(MailError):
    """No recipient was accepted, for a reason that may pass: send again later.

    Attributes:
        retry_after: Seconds that the mail service asks to wait, or None. Where it asks, it works.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """Keep what stands in the way, and for how long."""
        super().__init__(message)
        self.retry_after = retry_after


class MailBusyError(MailDeferredError):
    """Not tried, since enough mails are under way: no failure, and soon over."""


class MailAnswerLostError(MailError):
    """The mail was handed over but the answer was lost: it may have been accepted."""


class MailRefusedError(MailError):
    """The mail server refuses this mail or every recipient for good: do not send it again."""
