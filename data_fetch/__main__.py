"""``python -m data_fetch`` is the same as ``data-fetch``."""

from data_fetch.cli.start import main

main()
