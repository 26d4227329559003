"""A Jupyter client in a separate process, for tests in which it is another user or is killed. JSON lines in and out.

Orders: {"do": "start" | "run" | "interrupt" | "restart" | "shutdown" | "info" | "forget", "kernel": "name", ...}
"""

from __future__ import annotations

import json
import os
import sys
import time

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from warmkernel import kernelspec, settings
from warmkernel.errors import WarmkernelError


class Kernel:
    def __init__(self, order):
        chosen = settings.read({settings.KEY: order["settings"]})
        spec = KernelSpec(**kernelspec.specification(chosen, env=order["env"]))
        self.manager = KernelManager(kernel_spec_manager=kernelspec.OneKernelspec(spec))
        keywords = {"cwd": order["cwd"]} if order["cwd"] else {}
        started = time.monotonic()
        self.manager.start_kernel(**keywords)
        self.connect()
        self.seconds = time.monotonic() - started

    def connect(self):
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, code, timeout):
        """As in nbclient: until the kernel is idle again, dies, or times out."""
        outputs, status, deadline = [], None, time.monotonic() + timeout
        asked = self.client.execute(code, allow_stdin=False)
        while status is None:
            try:
                message = self.client.get_iopub_msg(timeout=0.2)
            except Exception:
                if not self.manager.is_alive():
                    status = "dead"
                elif time.monotonic() > deadline:
                    status = "timeout"
                continue
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                status = "ok"
            elif kind in ("stream", "display_data", "execute_result", "error") or kind.startswith("comm_"):
                outputs.append({"type": kind, **content})
        while status == "ok":
            reply = self.client.get_shell_msg(timeout=10)
            if reply["parent_header"].get("msg_id") == asked:
                status = reply["content"]["status"]
                break
        return {"status": status, "outputs": outputs}

    def info(self):
        provisioner = self.manager.provisioner
        end = provisioner.end if provisioner else None
        return {"alive": self.manager.is_alive(), "end": vars(end) if end else None, "memory_by": provisioner.memory_by}

    def stop(self, now):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=now)


def obey(order, kernels):
    name = order.get("kernel")
    if order["do"] == "start":
        kernels[name] = Kernel(order)
        return {"seconds": kernels[name].seconds}
    if order["do"] == "descriptors":
        return {"count": len(os.listdir("/proc/self/fd"))}
    if order["do"] == "known":
        return {"known": name in kernels}
    kernel = kernels[name]
    if order["do"] == "run":
        return kernel.run(order["code"], order["timeout"])
    if order["do"] == "interrupt":
        kernel.manager.interrupt_kernel()
    if order["do"] == "restart":
        kernel.client.stop_channels()
        kernel.manager.restart_kernel(now=order["now"])
        kernel.connect()
    if order["do"] == "forget":  # the channels close without shutting down the kernel
        kernel.client.stop_channels()
    if order["do"] == "shutdown":
        kernel.stop(order["now"])
        end = kernel.manager.provisioner.end if kernel.manager.provisioner else None
        kernels.pop(name)
        return {"end": vars(end) if end else None}
    return kernel.info() if order["do"] == "info" else {}


def main():
    kernels = {}
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            reply = obey(json.loads(line), kernels)
        except WarmkernelError as error:
            reply = {"refused": str(error)}
        except Exception as error:
            reply = {"broken": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply, default=str), file=replies, flush=True)


if __name__ == "__main__":
    main()
