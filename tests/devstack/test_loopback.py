"""Servers on the stack's sockets answer at once."""

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from contextlib import closing

import pytest

from devstack import loopback

pytestmark = pytest.mark.integration


def test_what_asyncio_sends_is_not_held_back() -> None:
    assert asyncio.run(_no_delay_of_an_accepted_connection()) != 0


def test_a_port_that_is_taken_is_not_had_twice() -> None:
    with closing(loopback.bound(0)) as first:
        first.listen()
        with pytest.raises(OSError, match="in use"):
            loopback.bound(first.getsockname()[1])


async def _no_delay_of_an_accepted_connection() -> int:
    found = asyncio.get_running_loop().create_future()

    async def accepted(_: StreamReader, writer: StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        found.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    taken = loopback.bound(0)
    async with await asyncio.start_server(accepted, sock=taken):
        _, writer = await asyncio.open_connection(*taken.getsockname())
        try:
            return int(await found)
        finally:
            writer.close()
            await writer.wait_closed()
