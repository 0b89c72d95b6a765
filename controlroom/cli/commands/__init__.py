"""The commands that speak to a control room. One command, one file."""

from __future__ import annotations

from controlroom.cli.commands.events import events
from controlroom.cli.commands.logs import logs
from controlroom.cli.commands.plan import plan
from controlroom.cli.commands.run import run
from controlroom.cli.commands.run_commands import archive, cancel, retry
from controlroom.cli.commands.runs import runs
from controlroom.cli.commands.show import show
from controlroom.cli.commands.status import status
from controlroom.cli.commands.token import token

__all__ = ["archive", "cancel", "events", "logs", "plan", "retry", "run", "runs", "show", "status", "token"]
