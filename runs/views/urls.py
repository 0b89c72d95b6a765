"""The addresses of pages, of the pieces they fetch, and of their buttons."""

from __future__ import annotations

from django.urls import path

from runs.views import artifacts, board, palette, plans, run, sessions, verbs

urlpatterns = [
    path("", board.board, name="board"),
    path("board/counts", board.board_counts, name="board_counts"),
    path("sessions", sessions.create_session, name="create_session"),
    path("palette", palette.palette, name="palette"),
    path("plans/", plans.plan_list, name="plans"),
    path("plans/<slug:slug>/", plans.plan_page, name="plan"),
    path("plans/<slug:slug>/start", plans.start_plan, name="start_plan"),
    path("runs/<uuid:run_id>", run.run_page, name="run"),
    path("runs/<uuid:run_id>/custody", run.custody, name="run_custody"),
    path("runs/<uuid:run_id>/events", run.earlier_events, name="run_events"),
    path("runs/<uuid:run_id>/artifacts", run.artifacts, name="run_artifacts"),
    path("runs/<uuid:run_id>/artifacts/<int:artifact_id>", artifacts.download, name="run_artifact"),
    path("runs/<uuid:run_id>/retry", verbs.retry, name="retry_run"),
    path("runs/<uuid:run_id>/cancel", verbs.cancel, name="cancel_run"),
    path("runs/<uuid:run_id>/archive", verbs.archive, name="archive_run"),
    path("runs/<uuid:run_id>/unarchive", verbs.unarchive, name="unarchive_run"),
    path("runs/<uuid:run_id>/steps/<slug:key>/approve", verbs.approve, name="approve_step"),
    path("runs/<uuid:run_id>/steps/<slug:key>/reject", verbs.reject, name="reject_step"),
]
