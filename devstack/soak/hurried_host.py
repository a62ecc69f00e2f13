"""The functions host with an app in a hurry: ``devstack.host``, and the app's fixed times shorter.

The app's own code is loaded and nothing in it is replaced but the numbers of
``pace.HURRIED_CONSTANTS``; see there why that is honest.
"""

import argparse
import faulthandler
import importlib
import signal
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from devstack.soak.times import HURRIED_CONSTANTS


def main() -> None:
    """Shorten the app's times, then run the host with the arguments of this process."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    faulthandler.enable()  # a process that ends by a fault of its own has to say where
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--app", type=Path, required=True)
    # The app's own package is to be shortened, not that of the checkout this is run from.
    sys.path.insert(0, str(parser.parse_known_args()[0].app.resolve()))
    shorten(HURRIED_CONSTANTS)
    from devstack.host.__main__ import main as run_host

    run_host()


def shorten(constants: Mapping[str, Mapping[str, float | timedelta]]) -> None:
    """Give modules other constants before anything else imports them by name.

    Raises:
        AttributeError: A module has no such constant any more.
        RuntimeError: A module that was loaded earlier has the old value under the same name.
    """
    for module_name, values in constants.items():
        module = importlib.import_module(module_name)
        for name, value in values.items():
            old = getattr(module, name)
            setattr(module, name, value)
            _refuse_copies(name, old)


def _refuse_copies(name: str, old: object) -> None:
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith("shared.") and getattr(module, name, None) is old:
            raise RuntimeError(f"{module_name} has taken {name} already: shorten it earlier")


if __name__ == "__main__":
    main()
