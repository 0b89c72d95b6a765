"""One verb for many runs: asked for on the board, and carried out as a run of the plan `bulk`, with a report.

`asking` reads what is meant and starts the run, `plan` is the plan, `work` does it in a worker, `report` tells of it,
`undo` takes it back.
"""
