"""The colours of the course's figures, told apart in grayscale too; `figures.mplstyle` gives lines the same ones."""

REAL = "#1f4e8c"  # blue: data, and the first of two
FAKE = "#e07b00"  # orange: what a generator made, and the second of two
NEITHER = "#777777"  # gray
