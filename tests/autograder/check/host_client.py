"""A runner in a process of its own, for tests that make it an ordinary user or kill it.

`host_client.py SHOWN SECRET` reads the checks to run as JSON on its standard input and prints what came of them, one line
each. A check that says "hang" never ends.
"""

import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from plain_kernel import Nursery, cells_of, told_of

from autograder.check.runner.host import NOTHING_WARM, CheckerHost
from autograder.run.results import Seconds
from autograder.run.walk import walk


def main() -> None:
    checks = json.load(sys.stdin)
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o700)
    (folder / "ages.csv").write_text("41\n63\n", encoding="utf-8")
    (folder / "helper.py").write_text("doubled = 2 .__mul__\n", encoding="utf-8")
    (folder / "link").symlink_to("/etc/passwd")
    os.environ["SECRET"] = sys.argv[2]
    cells = [(name, source, 1) for name, source in checks.items()]
    course = cells_of("import os, socket, sys", ("f", "def f(x):\n    return 2 * x"), *cells)
    nursery = Nursery()
    settings = replace(NOTHING_WARM, show=(sys.argv[1],))
    host = CheckerHost(settings, {"DATA_FETCH_OFFLINE": "1"}, keras=False)
    with host, host.server(course, folder) as server, server.submission([]) as submission:
        print(json.dumps("ready"), flush=True)
        for id, verdict in walk(course, nursery.kernel, submission, {}, Seconds(60)).items():
            print(json.dumps([id, verdict.status, told_of(verdict)]), flush=True)
    nursery.close()
    print(json.dumps(sorted(p.name for p in folder.iterdir())), flush=True)


main()
