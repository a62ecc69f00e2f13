"""What reads say: the documented JSON of list, single operation and offer status.

Field names and nesting follow the vendor's pages and what its clients parse; where the pages
contradict their samples, the samples win. What no page documents is invented here, and marked.
"""

from datetime import timedelta
from uuid import NAMESPACE_URL, uuid5

from devstack.partner_center.offers import Offer
from devstack.partner_center.operations import AnyOperation, Cancellation, Publish, State

type Json = dict[str, object]

# .NET counts ticks of 100 ns since the year 1; the vendor's `version` is such a number.
_TICKS_TO_1970 = 621_355_968_000_000_000
_STEPS = {
    "displaydummycertify": "Validate pre-requisites",
    "displaycertify": "Certification",
    "displayprovision": "Provisioning",
    "displaypackage": "Packaging and lead generation registration",
    "publisher-signoff": "Publisher signoff",
    "live": "Live",
}
_UNSAMPLED_IN_LIST = {"createdDateTime", "lastActionDateTime", "error"}
_UNSAMPLED_IN_OPERATION = {"id", "submissionType", *_UNSAMPLED_IN_LIST}


def operation_list(offer: Offer) -> list[Json]:
    """The answer to `GET …/submissions`."""
    knobs = offer.scenario
    listed = [
        each
        for each in _visible(offer)
        if isinstance(each, Publish) or knobs.cancel_operation_listed
    ]
    items = [_list_item(offer, each, number) for number, each in enumerate(listed, start=1)]
    return items if knobs.list_order == "oldest-first" else items[::-1]


def single_operation(offer: Offer, operation: AnyOperation) -> Json | list[Json]:
    """The answer to `GET …/operations/{id}`."""
    knobs, state = offer.scenario, operation.state(offer.clock.now())
    view = _facts(offer, operation) | {
        "status": _word(state, knobs.words | knobs.operation_words),
        "messages": [],
        "publishingVersion": 1,
        "offerVersion": 1,
        "cancellationRequestState": _cancellation_word(state),
        "steps": _steps(state),
        "previewLinks": [],
        "liveLinks": [],
    }
    if knobs.sampled_fields_only:
        view = _without(view, _UNSAMPLED_IN_OPERATION)
    return [view] if knobs.operation_as_array else view


def offer_status(offer: Offer) -> Json:
    """The answer to `GET …/status`, which has no ids and no times."""
    knobs = offer.scenario
    newest = next((each for each in reversed(_visible(offer)) if isinstance(each, Publish)), None)
    words = knobs.words | knobs.status_words
    state = newest.state(offer.clock.now()) if newest else None
    return {
        "status": _word(state, words) if state else words.get("neverPublished", "neverPublished"),
        "messages": [],
        "steps": _steps(state) if state else [],
        "previewLinks": [],
        "liveLinks": [],
    }


def _visible(offer: Offer) -> list[AnyOperation]:
    seen_until = offer.clock.now() - offer.scenario.list_lag_seconds
    return [each for each in offer.operations() if each.created <= seen_until]


def _list_item(offer: Offer, operation: AnyOperation, number: int) -> Json:
    now, knobs = offer.clock.now(), offer.scenario
    emails = operation.emails if isinstance(operation, Publish) else ""
    changed = operation.changed_at(now)
    item = _facts(offer, operation) | {
        "offerId": str(uuid5(NAMESPACE_URL, f"{offer.publisher}/{offer.name}")),
        "offerVersion": number,
        "offerTypeId": "microsoft-azure-virtualmachines",
        "publisherId": offer.publisher,
        "submissionState": _word(operation.state(now), knobs.words | knobs.list_words),
        "publishingVersion": number,
        "slot": "staging",
        "version": _TICKS_TO_1970 + int(offer.clock.date(changed).timestamp() * 10_000_000),
        "definition": {"metadata": {"emails": emails}},
        "changedTime": _time(offer, changed),
    }
    return _without(item, _UNSAMPLED_IN_LIST) if knobs.sampled_fields_only else item


def _facts(offer: Offer, operation: AnyOperation) -> Json:
    now = offer.clock.now()
    facts: Json = {
        "id": operation.id,
        "submissionType": operation.kind,
        "createdDateTime": _time(offer, operation.created),
        "lastActionDateTime": _time(offer, operation.changed_at(now)),
    }
    if operation.state(now) is State.FAILED:
        of = "cancellation" if isinstance(operation, Cancellation) else "publish"
        facts["error"] = {"code": "OperationFailed", "message": f"The {of} has failed."}
    return facts


def _time(offer: Offer, instant: float) -> str:
    knobs = offer.scenario
    date = offer.clock.date(instant) + timedelta(seconds=knobs.clock_offset_seconds)
    # Seven digits, as .NET writes them.
    return f"{date:%Y-%m-%dT%H:%M:%S.%f}0{knobs.time_zone}"


def _word(state: State, words: dict[str, str]) -> str:
    # A caller cannot see that a cancel was asked for: no page documents a word for it.
    shown = State.RUNNING if state is State.CANCEL_REQUESTED else state
    return words.get(shown, shown)


def _cancellation_word(state: State) -> str:
    # Only `canCancel` is documented; the other word is invented.
    return "canCancel" if state in {State.NOT_STARTED, State.RUNNING} else "cannotCancel"


def _steps(state: State) -> list[Json]:
    finished = len(_STEPS) if state is State.SUCCEEDED else 2
    if state is State.NOT_STARTED:
        finished = 0
    words = ["complete"] * finished + ["notStarted"] * (len(_STEPS) - finished)
    if state in {State.RUNNING, State.CANCEL_REQUESTED}:
        words[finished] = "inProgress"
    return [
        {
            "id": step,
            "stepName": name,
            "description": name,
            "estimatedTimeFrame": "",
            "status": word,
            "messages": [],
            "progressPercentage": 100 if word == "complete" else 0,
        }
        for (step, name), word in zip(_STEPS.items(), words, strict=True)
    ]


def _without(view: Json, fields: set[str]) -> Json:
    return {key: value for key, value in view.items() if key not in fields}
