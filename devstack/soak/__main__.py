"""``make soak``: see ``command``."""

import signal
import sys

if __name__ == "__main__":
    # The imports take a second, in which Ctrl-C may come; nothing runs yet that must be ended.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from devstack.soak.command import main

    sys.exit(main())
