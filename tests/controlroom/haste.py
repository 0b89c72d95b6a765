"""How long a request may take to arrive at the hasty server."""

HASTE_S = 1.0
