"""`python -m controlroom.celery_worker`: Celery's own `worker` command on our app, with the same options.

`celery --app controlroom worker` does the same; it loads the rest of Celery's command line first, an interactive shell
among it, which takes 11 MB and a fifth of a second in each worker.
"""

from __future__ import annotations

import os

from controlroom.celery import app
from controlroom.hidden_packages import hide_package

with hide_package("pygments"):  # colours
    from celery.bin.base import CLIContext
    from celery.bin.worker import worker


def main() -> None:
    # Django's checks would load every page and call into a process that serves none; `prepare` has run them.
    os.environ.setdefault("CELERY_SKIP_CHECKS", "true")
    worker.main(prog_name="celery worker", obj=CLIContext(app, no_color=True, workdir=None, quiet=True))


if __name__ == "__main__":
    main()
