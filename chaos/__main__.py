"""`python -m chaos [--seconds N] [--seed N] [--soak]`: load, attack, check, one table; 1 if anything was lost."""

from __future__ import annotations

import argparse
import logging
import secrets
import signal
import sys
import tempfile
from pathlib import Path

from chaos.runner import Wanted, siege
from chaos.soak import Soak

SECONDS = 300.0
SOAK_SECONDS = 1200.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, help="how long it is attacked (300), or soaked (1200)")
    parser.add_argument("--seed", type=int, default=None, help="repeats the load and the attack of an earlier run")
    parser.add_argument("--keep", action="store_true", help="leave the data directory and the logs")
    parser.add_argument("--soak", action="store_true", help="load without an attack: does memory stay flat?")
    asked = parser.parse_args()
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # everything that was started ends with us
    seed = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    folder = Path(tempfile.mkdtemp(prefix="controlroom-chaos-"))
    seconds = asked.seconds or (SOAK_SECONDS if asked.soak else SECONDS)
    options = f"{'--soak ' if asked.soak else ''}--seconds {seconds:g} --seed {seed}"
    print(f"seed {seed}: repeat it with `python -m chaos {options}`", flush=True)
    if asked.soak:
        is_well = Soak(seed=seed, seconds=seconds, folder=folder).run()
    else:
        is_well = siege(Wanted(seed=seed, seconds=seconds, folder=folder, keep=asked.keep))
    sys.exit(0 if is_well else 1)


if __name__ == "__main__":
    main()
