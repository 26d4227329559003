"""How long things may take, and how long they may be, where both sides of a socket must agree."""

START = 120.0  # seconds for the locked cells
GRACE = 2.0  # seconds between the channel's deadline and the end of the checker's process
FIRST_ANSWER = 15.0  # seconds until somebody must have answered the first question of a cell
MAX_CALLS = 200_000  # questions and callbacks of a cell
LONGEST_LINE = 1 << 20  # bytes of a line of JSON
LONGEST_MESSAGE = 500  # characters
