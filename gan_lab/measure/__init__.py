"""How good samples are, and what several seeds say together."""
