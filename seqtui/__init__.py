"""Watch a sequence model learn, from the inside, in a terminal."""
