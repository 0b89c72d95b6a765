"""The `python` functions that the load calls; each writes to the ledger that its arguments name."""

from __future__ import annotations

import time

from chaos.ledger import BEGIN, END, note
from pulser.tools.python import effect

FUNCTIONS = "chaos.tools:*"


def work(*, ledger: str, key: str, seconds: float) -> str:
    """Stay busy for some time."""
    note(ledger, key=key, word=BEGIN)
    time.sleep(seconds)
    note(ledger, key=key, word=END)
    return key


@effect("irreversible")
def send(*, ledger: str, key: str) -> str:
    """What cannot be undone: the line in the ledger is the deed itself."""
    note(ledger, key=key, word=BEGIN)
    time.sleep(0.3)
    note(ledger, key=key, word=END)
    return key
