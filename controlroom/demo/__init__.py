"""The plans that a new control room comes with. They are real: they read files, run programs and ask people."""

from __future__ import annotations

import json
from pathlib import Path

from pulser.catalogue import save_plan
from pulser.models import Plan

FOLDER = Path(__file__).parent
PLANS = ("checkup", "flaky", "release")
PLACEHOLDER = "default: CHECKOUT"


def seed(checkout: Path) -> list[str]:
    """Store the demo plans that are not there yet; returns their slugs. A plan that is there is left as it is.

    `checkout` becomes the default of *checkup*'s `path`. Raises ValueError when a plan is wrong.
    """
    missing = [slug for slug in PLANS if not Plan.objects.filter(slug=slug).exists()]
    for slug in missing:
        saved = save_plan(source_of(slug, checkout=checkout))
        if saved.problems:
            raise ValueError(f"the demo plan {slug} is wrong: {'; '.join(map(str, saved.problems))}")
    return missing


def source_of(slug: str, *, checkout: Path) -> str:
    """The document of a demo plan on this machine."""
    source = (FOLDER / f"{slug}.yaml").read_text(encoding="utf-8")
    # A JSON string is a YAML string too, whatever is in the path.
    return source.replace(PLACEHOLDER, f"default: {json.dumps(str(checkout))}")
