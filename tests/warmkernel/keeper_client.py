"""A command that borrows a zygote, for tests that run several of them: `keeper_client.py MINUTES SETTINGS CODE`.

Prints two lines of JSON: whether the zygote is a keeper's; the output of a cell in a kernel that it starts. Then it waits for its
standard input to end.
"""

import json
import sys

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from warmkernel import kernelspec, pool, settings, zygote_client


def main() -> None:
    chosen = settings.read({settings.KEY: json.loads(sys.argv[2])})
    zygote, _ = pool.get(chosen, {}, float(sys.argv[1]))
    print(json.dumps(isinstance(zygote, zygote_client.BorrowedZygote)), flush=True)
    spec = KernelSpec(**kernelspec.specification(chosen))
    manager = KernelManager(kernel_spec_manager=kernelspec.OneKernelspec(spec))
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    said: list[str] = []
    client.execute_interactive(sys.argv[3], timeout=60, output_hook=lambda m: said.append(m["content"].get("text", "")))
    print(json.dumps("".join(said).strip()), flush=True)
    sys.stdin.read()
    client.stop_channels()
    manager.shutdown_kernel(now=True)


main()
