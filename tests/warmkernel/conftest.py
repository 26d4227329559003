"""Kernels for the tests: started by a client in a separate process, as root or as an ordinary user."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import Any

import pytest
from warm_client import ROOT, USERS, Client, Kernel


@pytest.fixture(scope="session")
def sandbox_works():
    """Fail with the doctor's message if this machine cannot create sandboxes: then nothing here would be tested."""
    command = [sys.executable, "-m", "warmkernel", "doctor"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def _clients(sandbox_works):
    clients: dict[str, Client] = {}
    yield clients
    for client in clients.values():
        client.close()


@pytest.fixture
def warm_kernel(_clients):
    """`warm_kernel(user="ordinary", light=False, cwd=None, env=None, **settings)` starts a kernel that ends with the test.

    All kernels of a user have one client, so those with the same settings share one zygote. light=True omits TensorFlow
    and related packages from the zygote.
    """
    started: list[Kernel] = []

    def start(user: str = "ordinary", **options: Any) -> Kernel:
        if user not in _clients or _clients[user].process.poll() is not None:
            _clients[user] = Client(user)
        started.append(_clients[user].start(**options))
        return started[-1]

    yield start
    for kernel in started:
        if kernel.client.process.poll() is None and kernel.client.ask(do="known", kernel=kernel.name)["known"]:
            kernel.shutdown(now=True)


@pytest.fixture
def new_client(sandbox_works):
    """`new_client(user)`: a client for this test only, to be killed or counted."""
    clients: list[Client] = []

    def start(user: str = "ordinary") -> Client:
        clients.append(Client(user))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


@pytest.fixture(params=USERS)
def kernels(warm_kernel, request):
    """Start light kernels of one user, as `warm_kernel` does; the test runs for each kind of user."""
    return partial(warm_kernel, request.param, light=True)


@pytest.fixture
def pair(kernels):
    """Two kernels of one user, side by side."""
    return kernels(), kernels()
