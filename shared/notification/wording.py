"""What each mail says, outcome by outcome: read by a release engineer at three in the morning.

Short sentences, no jargon, no apology; what was done first, then what to do. ``{…}`` are filled in
by ``content``. The names of buttons are those of Partner Center.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from shared.models import OutcomeName

PARTNER_CENTER_URL: Final = (
    "https://partner.microsoft.com/dashboard/commercial-marketplace/overview"
)

type Tone = Literal["good", "bad", "unclear"]

_OPEN_AND_CANCEL = 'open the offer in Partner Center and choose "Cancel publish".'
_OR_ASK_AGAIN = "Or send a new cancel request."


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The words of one kind of mail.

    Attributes:
        tone: How it looks; it never carries what the words do not say.
        subject: The outcome in a few ASCII words, at most 40 characters.
        headline: The first line: canceled, NOT canceled, or not known.
        meaning: What that means.
        steps: What to do now, most urgent first.
        said: What introduces the words of Partner Center, or of whatever stood in the way.
    """

    tone: Tone
    subject: str
    headline: str
    meaning: str
    steps: tuple[str, ...]
    said: str = "What was seen"


NOT_YET: Final = Wording(
    tone="unclear",
    subject="NOT YET CANCELED, act now",
    headline="NOT YET CANCELED. The publish may still be running.",
    meaning="Your request is {tried_for} old and Partner Center has not confirmed that it took the "
    "cancel. {keep_trying} Another mail will tell you how it ended.",
    steps=(
        f"If it is urgent, do not wait: {_OPEN_AND_CANCEL}",
        "You need not take this request back: asking twice is safe.",
    ),
    said="What stands in the way",
)

WORDINGS: Final[Mapping[OutcomeName, Wording]] = MappingProxyType(
    {
        OutcomeName.CANCELED: Wording(
            tone="good",
            subject="Canceled",
            headline="CANCELED. The publish was stopped.",
            meaning="Partner Center's own record of this publish says canceled. "
            "It does not go out.",
            steps=("Nothing more. When you are ready, start a new publish.",),
        ),
        OutcomeName.NOTHING_TO_CANCEL: Wording(
            tone="unclear",
            subject="NOT canceled, nothing was running",
            headline="NOT canceled. No publish was running.",
            meaning="There was nothing to stop. {last_publish}",
            steps=(
                "Check that publisher and offer below are the ones you meant.",
                "If an earlier publish went out and must not be sold: open the offer in Partner "
                'Center and choose "Stop distribution".',
            ),
        ),
        OutcomeName.SUPERSEDED: Wording(
            tone="unclear",
            subject="NOT canceled, a newer publish runs",
            headline="NOT canceled. A newer publish is running, and it was left alone.",
            meaning="What runs now was started after you asked. It may be one that you want, so it "
            "was not touched.",
            steps=(
                "If the newer publish is right: nothing.",
                f"If it must not go out either: {_OPEN_AND_CANCEL} {_OR_ASK_AGAIN}",
            ),
        ),
        OutcomeName.COMPLETED_FIRST: Wording(
            tone="bad",
            subject="NOT canceled, THE OFFER MAY BE OUT",
            headline="NOT canceled. THE OFFER MAY BE OUT.",
            meaning="The publish was finished before the cancel took effect. "
            "It may be live, or in preview.",
            steps=(
                "Open the offer in Partner Center now and look at its status.",
                'If it is live and must not be sold: choose "Stop distribution".',
                'If it is in preview: do not choose "Go live".',
            ),
        ),
        OutcomeName.FAILED_FIRST: Wording(
            tone="unclear",
            subject="NOT canceled, the publish failed first",
            headline="NOT canceled. The publish failed by itself first.",
            meaning="Partner Center records the publish as failed, not as canceled. "
            "It is no longer running.",
            steps=(
                "Nothing needs to be stopped.",
                "Before you publish again, look in Partner Center at what failed.",
            ),
        ),
        OutcomeName.CANCEL_FAILED: Wording(
            tone="bad",
            subject="NOT canceled, STILL RUNNING",
            headline="NOT canceled. THE PUBLISH IS STILL RUNNING.",
            meaning="Partner Center took the cancel and then reported that it failed. "
            "The offer may go out.",
            steps=(
                f"Right now: {_OPEN_AND_CANCEL} {_OR_ASK_AGAIN}",
                'If that fails too: do not choose "Go live", and ask Partner Center support.',
            ),
        ),
        OutcomeName.REJECTED: Wording(
            tone="bad",
            subject="NOT canceled, Partner Center refused",
            headline="NOT canceled. Partner Center refused the request.",
            meaning="This request stopped nothing. A publish that was running goes on, and the "
            "offer may go out. {hint}",
            steps=(
                "Check that publisher and offer below are the ones you meant.",
                f"If it is still running and must not go out: {_OPEN_AND_CANCEL}",
            ),
            said="The refusal",
        ),
        OutcomeName.EXPIRED: Wording(
            tone="bad",
            subject="NOT canceled, gave up trying",
            headline="NOT canceled. It could not be done in time.",
            meaning="For {tried_for} the cancel could not be sent to Partner Center, and nobody "
            "tries any longer. A publish that was running goes on, and the offer may be out.",
            steps=(
                "Open the offer in Partner Center now and look at its status.",
                'If it is still publishing: choose "Cancel publish".',
                'If it is live and must not be sold: choose "Stop distribution".',
            ),
            said="What stood in the way",
        ),
        OutcomeName.WITHDRAWN: Wording(
            tone="unclear",
            subject="NOT canceled, request taken back",
            headline="NOT canceled. The request was taken back.",
            meaning="Nothing was sent to Partner Center. A publish that was running goes on.",
            steps=(
                "If this is what you wanted: nothing.",
                f"Otherwise: {_OPEN_AND_CANCEL} {_OR_ASK_AGAIN}",
            ),
        ),
        OutcomeName.UNCONFIRMED: Wording(
            tone="unclear",
            subject="NOT KNOWN if canceled, check now",
            headline="It is NOT KNOWN whether the publish was canceled.",
            meaning="Nobody could find out how it ended. The publish may still be running, and the "
            "offer may go out.",
            steps=(
                "Open the offer in Partner Center now and look at its status.",
                'If it is still publishing: choose "Cancel publish".',
                'If it is live and must not be sold: choose "Stop distribution".',
            ),
            said="What is known",
        ),
    }
)

_NO_ACCESS = (
    "Partner Center gives this app no access: the app must be a user of the publisher's account "
    "there, with the role Manager."
)
_NOT_FOUND = "Partner Center knows no such publisher or offer, or does not show it to this app."
_NO_OPERATION = "Partner Center knows no operation with the id that the request named."

HINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "403": _NO_ACCESS,
        "Forbidden": _NO_ACCESS,
        "404": _NOT_FOUND,
        "NotFound": _NOT_FOUND,
        "OperationNotFound": _NO_OPERATION,
    }
)
"""What a refusal usually means, by Partner Center's HTTP status or error code."""
