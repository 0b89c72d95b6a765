"""Which runs a list shows: what it is narrowed to, the newest that pass, how many there are, what to choose from."""
