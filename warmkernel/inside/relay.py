"""Relay the Jupyter channels between the client's sockets and the kernel's, and count what the kernel sends.

The client's five sockets are created outside and arrive as listening descriptors, so that no folder is shared. The kernel
binds its own sockets, with names that exist only in its network namespace. Whatever the kernel does, the relay holds at
most one buffer for each direction of a connection: if the other side does not read, the relay does not either.
"""

from __future__ import annotations

import select
import socket
import time

ADDRESS = "@warmkernel"  # prefix of the kernel's sockets: abstract names ending in "-1" to "-5"
_BUFFER = 1 << 18


def kernel_address(port: int) -> str:
    """The name of the kernel's socket number `port`, in the notation of Python's socket module for abstract names."""
    return f"\0{ADDRESS[1:]}-{port}"


class Connection:
    """One connection of the client, and its counterpart to the kernel (None until the kernel has bound its socket)."""

    def __init__(self, client: socket.socket, port: int) -> None:
        self.client, self.port = client, port
        self.kernel: socket.socket | None = None
        self.for_client = b""
        self.for_kernel = b""
        self.ending = False

    def connect(self) -> bool:
        """Connect to the kernel; whether it could be reached."""
        connecting = socket.socket(socket.AF_UNIX)
        connecting.setblocking(False)
        try:
            connecting.connect(kernel_address(self.port))
        except OSError:
            connecting.close()
            return False
        self.kernel = connecting
        return True

    def close(self) -> None:
        """Close both ends."""
        self.client.close()
        if self.kernel is not None:
            self.kernel.close()


class Relay:
    """The listening sockets by port, and all connections. `said` is the number of bytes received from the kernel."""

    def __init__(self, listeners: dict[int, socket.socket]) -> None:
        self.listeners = {listener.fileno(): (port, listener) for port, listener in listeners.items()}
        for _, listener in self.listeners.values():
            listener.setblocking(False)
        self.connections: list[Connection] = []
        self.said = 0

    @property
    def waiting(self) -> bool:
        """Whether a client is waiting for a kernel that has not bound its sockets yet."""
        return any(connection.kernel is None for connection in self.connections)

    def register(self, poller: select.poll) -> None:
        """Register the events to wait for."""
        for number in self.listeners:
            poller.register(number, select.POLLIN)
        for connection in self.connections:
            if connection.kernel is None:
                continue
            client = select.POLLIN * (not connection.for_kernel) | select.POLLOUT * bool(connection.for_client)
            kernel = select.POLLIN * (not connection.for_client) | select.POLLOUT * bool(connection.for_kernel)
            # With no event registered, poll would still report a hang-up repeatedly.
            if client:
                poller.register(connection.client, client)
            if kernel and not connection.ending:
                poller.register(connection.kernel, kernel)

    def carry(self, ready: set[int]) -> None:
        """Accept, read and write on the file descriptors that are `ready`."""
        for number in ready & self.listeners.keys():
            port, listener = self.listeners[number]
            try:
                client, _ = listener.accept()
            except OSError:
                continue
            client.setblocking(False)
            self.connections.append(Connection(client, port))
        for connection in self.connections:
            if connection.kernel is None:
                connection.connect()
            elif {connection.client.fileno(), connection.kernel.fileno()} & ready:
                self._move(connection)
        for connection in [c for c in self.connections if c.ending and not c.for_client]:
            connection.close()
            self.connections.remove(connection)

    def finish(self, seconds: float) -> None:
        """After the kernel has ended, send its last output to the client, as long as the client reads."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            poller = select.poll()
            open_ones = [c for c in self.connections if c.kernel is not None]
            if not open_ones:
                return
            self.listeners = {}
            self.register(poller)
            self.carry({number for number, _ in poller.poll(max(1, int(1000 * (deadline - time.monotonic()))))})

    def _move(self, connection: Connection) -> None:
        assert connection.kernel is not None
        if not connection.for_client and not connection.ending:
            received = _receive(connection.kernel)
            connection.ending = received == b""
            connection.for_client = received or b""
            self.said += len(connection.for_client)
        if not connection.for_kernel and not connection.ending:
            received = _receive(connection.client)
            if received == b"":  # the client is gone and reads nothing more
                connection.ending, connection.for_client = True, b""
            connection.for_kernel = received or b""
        try:
            connection.for_client = _send(connection.client, connection.for_client)
        except OSError:
            connection.ending, connection.for_client = True, b""
        try:
            connection.for_kernel = _send(connection.kernel, connection.for_kernel)
        except OSError:
            connection.for_kernel = b""


def _receive(source: socket.socket) -> bytes | None:
    """The available bytes: None if there are none yet, b"" if there will be none."""
    try:
        return source.recv(_BUFFER)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _send(target: socket.socket, data: bytes) -> bytes:
    """Send data; returns the part that could not be sent yet."""
    if not data:
        return b""
    try:
        return data[target.send(data) :]
    except BlockingIOError:
        return data
