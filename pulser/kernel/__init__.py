"""The runner kernel: performs one attempt of a step, and knows no database, no queue and no web.

It gets an `Assignment`, in which everything is rendered, and tells a `Reporter` what comes of it. Whoever claims the
step brings both: a Celery worker a reporter that writes to the database, a runner on another host one that calls our
API.
"""
