"""``python -m data_fetch`` is ``data-fetch``."""

from data_fetch.cli.main import main

main()
