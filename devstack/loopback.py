"""Sockets of the loopback interface, on which every server of the stack listens."""

import socket

HOST = "127.0.0.1"


def bound(port: int) -> socket.socket:
    """Take a TCP port, 0 for any free one.

    Raises:
        OSError: It is taken, or needs rights.
    """
    # Named, so that asyncio knows it for TCP: otherwise an answer whose body follows its headers
    # waits 40 ms for the client's acknowledgement.
    taken = socket.socket(proto=socket.IPPROTO_TCP)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((HOST, port))
    except OSError:
        taken.close()
        raise
    return taken
