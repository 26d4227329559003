"""Limits of time and size that both sides of a socket must agree on."""

START = 120.0  # seconds for the locked cells
GRACE = 2.0  # seconds between the channel's deadline and the end of the checker's process
FIRST_ANSWER = 15.0  # seconds within which the first request of a cell must be answered
MAX_CALLS = 200_000  # requests and callbacks per cell
LONGEST_LINE = 1 << 20  # bytes per line of JSON
LONGEST_MESSAGE = 500  # characters
