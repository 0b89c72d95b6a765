from __future__ import annotations

import io
import stat
import threading
from pathlib import Path
from unittest.mock import patch

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection
from pytest_django.fixtures import Settings

from controlroom import demo, seed
from controlroom.management.commands import first_run
from pulser.models import Plan
from runs.accounts.models import ApiToken, token_digest
from runs.bulk import plan as bulk
from runs.models import Lane, Run, Session
from tests.factories import make_user, put_step

pytestmark = pytest.mark.django_db

LONG, OTHER = "a-token-of-many-random-characters", "another-token-of-many-characters"


@pytest.fixture(autouse=True)
def _fresh(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DATA_DIR = tmp_path / "data"
    settings.CONTROLROOM_API_TOKEN = ""
    for name in ("CONTROLROOM_ADMIN_PASSWORD", "CONTROLROOM_DEMO"):
        monkeypatch.delenv(name, raising=False)


def prepare() -> str:
    said = io.StringIO()
    call_command("prepare", stdout=said)
    return said.getvalue()


def test_a_new_control_room_has_all_that_it_needs() -> None:
    prepare()

    assert set(Group.objects.values_list("name", flat=True)) == {"viewer", "operator", "admin"}
    assert set(Plan.objects.values_list("slug", flat=True)) == {*demo.PLANS, bulk.SLUG}
    assert User.objects.get().is_superuser
    assert Lane.objects.filter(name="A").exists()
    assert Session.objects.filter(name="default").exists()


def test_the_password_that_was_made_is_said_once() -> None:
    first, second = prepare(), prepare()

    password = first.partition("password ")[2].split()[0]
    assert User.objects.get(username="admin").check_password(password)
    assert "password" not in second


def test_a_given_password_is_used_and_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLROOM_ADMIN_PASSWORD", "correct horse battery")

    said = prepare()

    assert User.objects.get().check_password("correct horse battery")
    assert "correct horse battery" not in said


def test_no_admin_is_made_where_there_is_a_superuser() -> None:
    make_user("admin", name="alice")

    prepare()

    assert not User.objects.filter(username="admin").exists()


def test_the_token_of_the_environment_is_an_admin_token(settings: Settings) -> None:
    settings.CONTROLROOM_API_TOKEN = LONG

    prepare()

    assert ApiToken.of_secret(LONG).role == "admin"


def take(*values: str) -> list[str]:
    """CONTROLROOM_API_TOKEN has these values at one start after the other; what was said."""
    said: list[str] = []
    for value in values:
        seed.ensure_environment_token(value, say=said.append)
    return said


@pytest.mark.parametrize(
    ("values", "valid", "reason"),
    [
        ([LONG, LONG], [LONG], "the same value is the same token"),
        ([LONG, OTHER], [OTHER], "a changed value revokes the one before"),
        ([LONG, OTHER, LONG], [LONG], "a value that comes back is valid again"),
        ([LONG, ""], [], "a variable that is gone takes its token along"),
        (["", ""], [], "without the variable there is no token"),
    ],
)
def test_the_token_follows_the_environment(values: list[str], valid: list[str], reason: str) -> None:
    take(*values)

    assert [value for value in (LONG, OTHER) if ApiToken.of_secret(value)] == valid, reason


def test_a_token_that_people_made_is_left_alone() -> None:
    _, secret = ApiToken.issue("deploy")

    take(LONG, "")

    assert ApiToken.of_secret(secret)


def test_most_of_a_short_token_is_not_stored() -> None:
    said = take("tiger-99")

    assert ApiToken.objects.get(digest=token_digest("tiger-99")).prefix == "ti"
    assert "easy to guess" in said[0]


def test_the_token_of_the_command_line_is_for_its_owner_only(settings: Settings) -> None:
    prepare()

    file = settings.DATA_DIR / "cli-token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert ApiToken.of_secret(file.read_text().strip()).role == "admin"


def test_the_token_of_the_command_line_stays(tmp_path: Path) -> None:
    seed.ensure_cli_token(tmp_path / "token")
    before = (tmp_path / "token").read_text()

    seed.ensure_cli_token(tmp_path / "token")

    assert (tmp_path / "token").read_text() == before
    assert ApiToken.objects.count() == 1


def test_a_revoked_token_of_the_command_line_is_replaced(tmp_path: Path) -> None:
    seed.ensure_cli_token(tmp_path / "token")
    ApiToken.objects.update(revoked_at="2026-01-01T00:00:00Z")

    seed.ensure_cli_token(tmp_path / "token")

    assert ApiToken.of_secret((tmp_path / "token").read_text().strip())


def test_without_the_demo_only_our_own_plan_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLROOM_DEMO", "0")

    prepare()

    assert [plan.slug for plan in Plan.objects.all()] == [bulk.SLUG]


def test_roles_that_somebody_changed_stay_changed() -> None:
    prepare()
    Group.objects.get(name="admin").permissions.clear()

    prepare()

    assert not Group.objects.get(name="admin").permissions.exists()


@pytest.mark.django_db(transaction=True)
def test_two_at_once_make_one_admin_and_one_set_of_plans() -> None:
    said: list[str] = []

    def run() -> None:
        said.append(prepare())
        connection.close()

    both = [threading.Thread(target=run) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(60)

    assert User.objects.count() == 1
    assert sum("password" in each for each in said) == 1
    assert ApiToken.objects.filter(name="cli").count() == 1


def first(**options: str) -> str:
    said = io.StringIO()
    call_command("first_run", stdout=said, **options)
    return said.getvalue()


def end(run: Run, status: str) -> None:
    """What workers would do: end every step, then the run."""
    for key in run.steps.values_list("key", flat=True):
        put_step(run, key, "skipped" if key == "lint" else "success")
    put_step(run, "lint", "skipped", reason="`if` is false")
    Run.objects.filter(pk=run.pk).update(status=status, finished_at=run.created_at)


@pytest.mark.parametrize("status", ["success", "error"])
def test_the_first_run_tells_each_step_and_the_end(status: str) -> None:
    seed.ensure_defaults()
    demo.seed(Path("/elsewhere"))
    started = first_run.start

    def start_and_end() -> Run:
        run = started()
        end(run, status)
        return run

    with patch.object(first_run, "start", start_and_end):
        said = first()

    run = Run.objects.get()
    assert "look       success" in said
    assert "lint       skipped  (`if` is false)" in said
    assert said.count("\n") == run.steps.count() + 1
    assert f"Checkup of this checkout: {status}" in said
    assert str(run.pk) in said.splitlines()[-1]


def test_the_first_run_is_about_this_checkout(settings: Settings) -> None:
    seed.ensure_defaults()
    demo.seed(Path("/moved/away"))

    assert first_run.start().params == {"path": str(settings.BASE_DIR)}


def test_the_first_run_does_not_wait_for_a_paused_lane() -> None:
    seed.ensure_defaults()
    Lane.objects.filter(name="A").update(paused=True)
    demo.seed(Path("/srv/checkout"))

    assert "lane A is paused" in first()


def test_a_first_run_without_its_plan_says_so() -> None:
    with pytest.raises(Exception, match="the demo was not started: plan checkup not found"):
        first()


def test_without_the_demo_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLROOM_DEMO", "0")

    assert first() == ""
    assert not Run.objects.exists()
