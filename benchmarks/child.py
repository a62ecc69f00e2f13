"""What runs in a process of its own, so that nothing of ``make bench`` is in its figures.

``python -m benchmarks.child PROGRAM [ARGUMENT…]``; settings come from the environment. Nothing is
imported before a program asks for it: what a cold start loads is what is measured.
"""

import os
import signal
import sys
import threading
import time


def peak_memory() -> float:
    """The most memory that this process has had, in MB; its parent's, before it began, left out."""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - loads nothing
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def tell(**figures: float) -> None:
    """Write the figures to standard output, at once."""
    print(" ".join(f"{name}={value}" for name, value in figures.items()), flush=True)


def tell_when_asked() -> None:
    """Tell modules and memory as they are when SIGUSR1 comes, whatever is under way then."""
    signal.signal(signal.SIGUSR1, lambda *_: tell(modules=len(sys.modules), memory=peak_memory()))


def _storage() -> str:
    return os.environ["CancelStorage"]  # noqa: SIM112 - the platform's own spelling


# --- a function's cold start: imported and called as the worker does ---


def cold_http(offer: str) -> None:
    """The first call of ``CancelHttpTrigger``."""
    import azure.functions as func

    from CancelHttpTrigger import main

    main(
        func.HttpRequest(
            method="POST",
            url=f"http://localhost/api/publishers/contoso/offers/{offer}/cancel",
            headers={"content-type": "application/json"},
            params={"api-version": "2017-10-31"},
            route_params={"publisherId": "contoso", "offerId": offer},
            body=b'{"metadata": {"notification-emails": "release-team@example.com"}}',
        )
    )


def cold_webhook(offer: str) -> None:
    """The first delivery to ``WebhookHttpTrigger``, signed as GitHub does it."""
    import azure.functions as func

    from devstack import webhooks
    from WebhookHttpTrigger import main

    sent = webhooks.delivery("contoso", offer)
    main(
        func.HttpRequest(
            method="POST",
            url=f"http://localhost{sent.path}",
            headers=sent.headers,
            params={"on": webhooks.EVENT, "notification-emails": "release-team@example.com"},
            route_params={"sender": "github", "publisherId": "contoso", "offerId": offer},
            body=sent.body,
        )
    )


def cold_withdrawal(request: str) -> None:
    """The first ``DELETE`` to ``StatusHttpTrigger``; offer and id of the request, by a slash."""
    import azure.functions as func

    from StatusHttpTrigger import main

    offer, _, request_id = request.partition("/")
    main(
        func.HttpRequest(
            method="DELETE",
            url=f"http://localhost/api/publishers/contoso/offers/{offer}/operations/{request_id}",
            params={"api-version": "2017-10-31"},
            route_params={"publisherId": "contoso", "offerId": offer, "requestId": request_id},
            body=b"",
        )
    )


def cold_queue(offer: str) -> None:
    """The first message of ``CancelQueueTrigger``, put there by another service."""
    import azure.functions as func

    from CancelQueueTrigger import main

    text = f'{{"publisherId": "contoso", "offerId": "{offer}"}}'
    main(func.QueueMessage(id="ae1b1fae-2c1e-4e5c-9a3b-0a52a1b1c001", body=text))


def cold_timer(_offer: str) -> None:
    """The first run of ``PollTimerTrigger``, with one cancellation to poll."""
    from azure.functions.timer import TimerRequest

    from PollTimerTrigger import main

    main(TimerRequest())


def bare_row(offer: str) -> None:
    """What every function but ``PollTimerTrigger`` imports, and one row inserted."""
    import azure.functions
    import azure.storage.queue
    import msgspec
    from azure.data.tables import TableClient

    assert azure.functions and azure.storage.queue and msgspec  # noqa: S101, PT018 - are loaded
    table = TableClient.from_connection_string(_storage(), "cancellations")
    table.create_entity({"PartitionKey": "bare", "RowKey": offer})


def bare_message(_offer: str) -> None:
    """What ``PollTimerTrigger`` imports, and one message put."""
    import azure.data.tables
    import azure.functions
    import msgspec
    import requests
    from azure.storage.queue import QueueClient

    assert azure.functions and azure.data.tables and msgspec and requests  # noqa: S101, PT018
    queue = QueueClient.from_connection_string(_storage(), "bare")
    queue.send_message("bare")


# --- for a while ---


def poll(seconds: str) -> None:
    """Poll what is due for so long; tell the polls and how long they took."""
    from shared import wiring

    polls = _count_polls()
    poller = wiring.poller()
    threading.Timer(float(seconds), lambda: _leave(polls, started)).start()
    started = time.monotonic()
    poller.run()
    _leave(polls, started)


def take_and_put_back(seconds: str) -> None:
    """The Storage calls of as many polls at once, without the app: a receive and an update each."""
    from azure.storage.queue import QueueClient

    from shared.queues import PENDING_CANCELLATIONS, StorageQueue
    from shared.settings import PolicySettings, StorageSettings
    from shared.storage_transport import storage_transport

    connection_string = StorageSettings.from_env(os.environ).connection_string
    client = QueueClient.from_connection_string(
        connection_string, PENDING_CANCELLATIONS, transport=storage_transport(), retry_total=0
    )
    queue, ends = StorageQueue(client), time.monotonic() + float(seconds)
    done: list[float] = []

    def work() -> None:
        while time.monotonic() < ends:
            for message in queue.receive(1, 60):
                queue.update(message, message.text, 0)
                done.append(time.monotonic())

    workers = PolicySettings.from_env(os.environ).poll_concurrency
    threads = [threading.Thread(target=work) for _ in range(workers)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tell(polls=len(done), seconds=time.monotonic() - started, memory=peak_memory())


def run_timer(runs: str) -> None:
    """Run ``PollTimerTrigger`` so often; tell how long each of the runs after the first took."""
    from azure.functions.timer import TimerRequest

    from PollTimerTrigger import main

    main(TimerRequest())
    tell(memory=peak_memory())
    for _ in range(int(runs)):
        started = time.monotonic()
        main(TimerRequest())
        tell(seconds=time.monotonic() - started)


def keep_house(_: str) -> None:
    """What ``PollTimerTrigger`` does once a minute; the hourly checks ran before."""
    from shared import upkeep

    started = time.monotonic()
    upkeep.housekeeping().run_if_due()
    tell(seconds=time.monotonic() - started, memory=peak_memory())


def _count_polls() -> list[object]:
    """A list that grows with each poll's event, logging set up as in Azure."""
    import logging

    polls: list[object] = []

    class Counter(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().startswith('{"event": "polled"'):
                polls.append(record)

    logger = logging.getLogger("offer_cancel")
    logger.setLevel(logging.INFO)
    logger.addHandler(Counter())
    return polls


def _leave(polls: list[object], started: float) -> None:
    tell(polls=len(polls), seconds=time.monotonic() - started, memory=peak_memory())
    os._exit(0)


PROGRAMS = {
    program.__name__: program
    for program in (
        cold_http,
        cold_webhook,
        cold_withdrawal,
        cold_queue,
        cold_timer,
        bare_row,
        bare_message,
        poll,
        take_and_put_back,
        run_timer,
        keep_house,
    )
}

if __name__ == "__main__":
    tell_when_asked()
    PROGRAMS[sys.argv[1]](sys.argv[2])
