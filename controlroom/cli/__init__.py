"""The `controlroom` command. Subcommands are imported when they are called: `up` must stay small in memory."""

from __future__ import annotations

from importlib import import_module

import click

from controlroom import __version__

COMMANDS = {
    "up": "controlroom.cli.up:up",
    "run": "controlroom.cli.commands:run",
    "runs": "controlroom.cli.commands:runs",
    "show": "controlroom.cli.commands:show",
    "logs": "controlroom.cli.commands:logs",
    "events": "controlroom.cli.commands:events",
    "retry": "controlroom.cli.commands:retry",
    "cancel": "controlroom.cli.commands:cancel",
    "archive": "controlroom.cli.commands:archive",
    "status": "controlroom.cli.commands:status",
    "plan": "controlroom.cli.commands:plan",
    "token": "controlroom.cli.commands:token",
    "prune": "controlroom.cli.prune:prune",
}


class LazyGroup(click.Group):
    """Knows its commands by name and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
def main() -> None:
    """Start, watch, retry, approve and archive runs.

    Reads CONTROLROOM_URL and CONTROLROOM_API_TOKEN. Exit status: 0 done, 1 the run or the check failed, 2 usage,
    3 not reachable.
    """
