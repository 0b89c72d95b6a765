"""`docs`: write the pages of documentation that are made from the code."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlroom.generated_docs import pages


class Command(BaseCommand):
    help = "Write docs/events.md and docs/state-machine.md from the tables in the code."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail when a page is stale")

    def handle(self, *args: Any, check: bool = False, **options: Any) -> None:
        """Raises CommandError that names the stale pages, with `--check`."""
        folder = settings.BASE_DIR / "docs"
        written = {name: (folder / name).read_text() if (folder / name).exists() else "" for name in pages()}
        stale = {name: text for name, text in pages().items() if written[name] != text}
        if check and stale:
            raise CommandError(f"stale: {', '.join(stale)}; run `manage.py docs`")
        for name, text in stale.items():
            (folder / name).write_text(text)
            self.stdout.write(f"wrote docs/{name}")
