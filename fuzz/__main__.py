"""`python -m fuzz [--seed N] [--times N]`: starts a control room, sends it what nobody should, prints the table."""

from __future__ import annotations

import argparse
import secrets
import sys
import time

from fuzz.calls import calls
from fuzz.hooks import hooks
from fuzz.pages import pages
from fuzz.readers import readers
from fuzz.row import Row, show
from fuzz.sockets import crowd, sockets
from fuzz.target import Target, target
from fuzz.wire import junk, slow
from pulser.language.limits import REQUEST_S, UNREAD_S

EXAMPLES = {"operator": 60, "viewer": 15, "nobody": 5}  # for each call
PAGES = {"operator": 30, "viewer": 12}  # requests to each address
GRACE_S = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="gives the same calls again")
    parser.add_argument("--times", type=float, default=1, help="so many times the calls (1 takes about five minutes)")
    wanted = parser.parse_args()
    began = time.monotonic()
    print(f"seed {wanted.seed}", flush=True)
    with target() as ours:
        rows = everything(ours, seed=wanted.seed, times=wanted.times)
    found = show(rows)
    print(f"\n{time.monotonic() - began:.0f} s; again by: make fuzz SEED={wanted.seed}")
    sys.exit(1 if found else 0)


def everything(ours: Target, *, seed: int, times: float) -> list[Row]:
    rows = []
    for role, examples in EXAMPLES.items():
        rows += calls(ours, role=role, seed=seed, examples=max(1, int(examples * times)))
    rows += hooks(ours)
    rows += [junk(ours), *slow(ours, clients=20, within_s=REQUEST_S + GRACE_S)]
    rows += sockets(ours)
    rows += crowd(ours, count=1000, minutes=1)
    rows += readers(ours, each=3, cut_within_s=UNREAD_S + GRACE_S)
    for role, requests in PAGES.items():  # last: their buttons end what the others look at
        rows += pages(ours, role=role, seed=seed, each=max(2, int(requests * times)))
    return rows


if __name__ == "__main__":
    main()
