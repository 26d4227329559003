"""A sandboxed process that has imported Keras, and forks the checker servers of all notebooks of a course."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import shutil
import signal
import socket
import sys
import tarfile

from autograder.check.checker import server_process
from autograder.check.protocol.lines import Lines, send
from warmkernel.inside.unpack import unpack


def main(descriptor: int) -> None:
    """Starts servers until the runner closes the socket; then ends all of them."""
    lines = Lines(socket.socket(fileno=descriptor), descriptors=True)
    start = lines.read(None)
    gc.disable()  # see warmkernel.inside.zygote
    try:
        if start["keras"]:
            importlib.import_module("keras")
    except Exception as e:
        send(lines.sock, {"failed": f"import keras: {type(e).__name__}: {e}"[:2000]})
        return
    gc.enable()
    gc.collect()
    gc.freeze()
    # Output of servers is discarded, so that they cannot fill the runner's disk.
    with open(os.devnull, "r+b") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    send(lines.sock, {"ready": True})
    folders: dict[int, str] = {}
    while request := lines.read(None):
        if "fork" in request:
            descriptors = [lines.descriptor() for _ in range(request["fork"])]
            pid = os.fork()
            if not pid:
                try:
                    lines.close()
                    os.setpgid(0, 0)
                    _serve(request["folder"], *descriptors)
                finally:
                    os._exit(0)  # never return to the host's loop
            for number in descriptors:
                os.close(number)
            with contextlib.suppress(OSError):  # it has already done so, and ended
                os.setpgid(pid, pid)
            folders[pid] = request["folder"]
            send(lines.sock, {"pid": pid})
        ended = {pid for pid in folders if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)}
        for pid in ended | (folders.keys() & {request.get("end")}):
            _end(pid, folders.pop(pid))
    for pid, folder in folders.items():
        _end(pid, folder)


def _serve(folder: str, descriptor: int, archive: int | None = None) -> None:
    if archive is not None:
        try:
            os.makedirs(folder)
            unpack(archive, folder)
        except (OSError, tarfile.TarError) as e:
            send(socket.socket(fileno=descriptor), {"failed": f"could not copy its files: {e}"})
            return
    server_process.main(descriptor)


def _end(pid: int, folder: str) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
