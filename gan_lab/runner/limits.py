"""What an answer, and what draws a board's samples, may take of a machine."""

SECONDS, MEGABYTES = 60.0, 4000  # one answer
BOARD_SECONDS = 900.0  # of processor time, a notebook up to its cell # board
PATIENCE = 4  # how many seconds may pass for one of these
STARTING = 120.0  # seconds, for a process to begin, with what all answers of a notebook build on
BESIDE = 200  # megabytes of files handed in beside such a notebook
