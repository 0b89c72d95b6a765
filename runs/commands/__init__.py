"""What can be asked for: the verbs that pages, API, CLI and admin call, one file a verb.

Here it is asked whether the caller may, whatever door the request came through; `runs.transitions` does it.
"""

from __future__ import annotations

from runs.commands.archive import archive, unarchive
from runs.commands.cancel import cancel
from runs.commands.decide import approve, reject
from runs.commands.retry import retry

__all__ = ["approve", "archive", "cancel", "reject", "retry", "unarchive"]
