"""`python -m devstack.partner_center`: the simulator on its own, until Ctrl-C."""

import argparse
import signal
import sys
import threading

from devstack.errors import PortInUseError
from devstack.partner_center.simulator import DEFAULT_TOKEN, Simulator

_EPILOG = """
An offer comes to life by its scenario:
  curl -X PUT {url}/admin/publishers/contoso/offers/contoso-vm \\
       -d '{{"scenario": "cancels-after-202"}}'
What is true of it, and the scenarios there are:
  curl {url}/admin/publishers/contoso/offers/contoso-vm
  curl {url}/admin/scenarios
""".strip("\n")


def main(arguments: list[str] | None = None) -> int:
    """Runs the simulator until it is told to end; 1 if the port is taken."""
    options = _parser().parse_args(arguments)
    try:
        simulator = Simulator(options.port, options.token)
    except PortInUseError as error:
        print(error, file=sys.stderr)
        return 1
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with simulator:
        print(f"Partner Center answers at {simulator.url}")
        print(f"Authorization: Bearer {simulator.token}")
        print(_EPILOG.format(url=simulator.url), flush=True)
        ended.wait()
    print("Partner Center is gone")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m devstack.partner_center",
        description="A simulated Partner Center on 127.0.0.1.",
        epilog=_EPILOG.format(url="http://127.0.0.1:PORT"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="the port (default: a free one)")
    parser.add_argument(
        "--token",
        default=DEFAULT_TOKEN,
        help="the token that is let in (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
