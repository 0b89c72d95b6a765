"""Plans are written in the admin: what its author sees and what is stored."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from controlroom.web.admin.plans import EXAMPLE
from pulser.catalogue import check
from pulser.models import Plan, PlanVersion
from tests.factories import make_plan, make_user

pytestmark = pytest.mark.django_db

ADD = "/admin/pulser/plan/add/"


def page_of(plan: Plan) -> str:
    return reverse("admin:pulser_plan_change", args=[plan.pk])


def sign_in(client: Client, role: str = "admin") -> User:
    user = make_user(role)
    client.force_login(user)
    return user


def let_in(client: Client, *codenames: str) -> User:
    """Somebody of the staff with these permissions and no role."""
    user = make_user("")
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return user


def test_the_example_for_a_new_plan_is_right(client: Client) -> None:
    sign_in(client)

    assert check(EXAMPLE).problems == ()
    assert "slug: my-plan" in client.get(ADD).content.decode()


def test_a_new_plan_is_stored_as_version_one(client: Client) -> None:
    author = sign_in(client)

    answer = client.post(ADD, {"source": EXAMPLE, "base": "0"}, follow=True)

    version = PlanVersion.objects.get(plan__slug="my-plan")
    assert (version.number, version.source, version.created_by) == (1, EXAMPLE, author)
    assert "Version 1 of my-plan saved" in answer.content.decode()


def test_line_ends_of_a_browser_are_not_kept(client: Client) -> None:
    sign_in(client)

    client.post(ADD, {"source": EXAMPLE.replace("\n", "\r\n"), "base": "0"})

    assert PlanVersion.objects.get().source == EXAMPLE


def test_a_changed_document_is_a_new_version(client: Client) -> None:
    sign_in(client)
    first = make_plan(slug="tide")

    client.post(page_of(first.plan), {"source": first.source.replace("Hello", "Hi"), "base": "1"})

    plan = Plan.objects.get(slug="tide")
    assert [version.number for version in plan.versions.all()] == [2, 1]
    assert plan.title == "Hi"


def test_a_document_that_says_the_same_makes_no_version(client: Client) -> None:
    sign_in(client)
    first = make_plan(slug="tide")

    answer = client.post(page_of(first.plan), {"source": "# so\n" + first.source, "base": "1"}, follow=True)

    assert "No new version" in answer.content.decode()
    assert PlanVersion.objects.count() == 1


def test_each_problem_is_shown_with_its_place(client: Client) -> None:
    sign_in(client)
    bad = "pulser: 1\nslug: tide\nsteps:\n  - {id: a, uses: shel}\n  - {id: b, uses: htp}\n"

    page = client.post(ADD, {"source": bad, "base": "0"}).content.decode()

    assert 'data-line="4" data-column="19">4:19</a> <code>steps[0].uses</code>:' in page
    assert "did you mean <code>shell</code>?" in page
    assert 'data-line="5"' in page
    assert not Plan.objects.exists()


def test_what_an_author_wrote_is_escaped_in_problems(client: Client) -> None:
    sign_in(client)

    page = client.post(ADD, {"source": "pulser: 1\nslug: <script>x</script>\n", "base": "0"}).content.decode()

    assert "<script>x</script>" not in page


def test_a_document_that_was_refused_is_still_in_the_field(client: Client) -> None:
    sign_in(client)

    page = client.post(ADD, {"source": "pulser: 1\n# my long work\n", "base": "0"}).content.decode()

    assert "# my long work" in page


def test_a_document_cannot_rename_its_plan(client: Client) -> None:
    sign_in(client)
    first = make_plan(slug="tide")

    page = client.post(page_of(first.plan), {"source": first.source.replace("tide", "ebb"), "base": "1"})

    assert "expected tide: the slug cannot be changed" in page.content.decode()
    assert not Plan.objects.filter(slug="ebb").exists()


def test_a_new_plan_cannot_take_the_slug_of_another(client: Client) -> None:
    sign_in(client)
    first = make_plan(slug="tide")

    page = client.post(ADD, {"source": first.source.replace("Hello", "Hi"), "base": "0"})

    assert "plan tide already exists" in page.content.decode()
    assert PlanVersion.objects.count() == 1


def test_what_somebody_else_saved_meanwhile_is_not_hidden(client: Client) -> None:
    sign_in(client)
    first = make_plan(slug="tide")
    make_plan(first.source.replace("Hello", "Hi"))
    mine = {"source": first.source.replace("Hello", "Good day"), "base": "1"}

    page = client.post(page_of(first.plan), mine).content.decode()

    assert "Version 2 was saved meanwhile" in page
    assert 'name="base" value="2"' in page
    assert PlanVersion.objects.count() == 2


def test_a_plan_is_run_from_its_page(client: Client) -> None:
    sign_in(client)
    plan = make_plan().plan

    page = client.get(page_of(plan)).content.decode()

    assert ">Run now</button>" in page
    assert f'title="Version {plan.latest.number}, as it is saved"' in page


def test_versions_are_listed_with_links_to_their_source(client: Client) -> None:
    sign_in(client)
    first = make_plan(slug="tide")
    second = make_plan(first.source.replace("Hello", "Hi"))

    page = client.get(page_of(first.plan)).content.decode()

    assert f"/admin/pulser/planversion/{first.pk}/change/" in page
    assert f"{second.number} (latest)" in page
    assert second.digest[7:19] in page


def test_a_version_is_read_and_cannot_be_changed(client: Client) -> None:
    sign_in(client)
    version = make_plan(slug="tide")
    address = reverse("admin:pulser_planversion_change", args=[version.pk])

    assert "echo hello" in client.get(address).content.decode()
    assert client.post(address, {"source": "x"}).status_code == 403
    assert client.post(reverse("admin:pulser_planversion_delete", args=[version.pk])).status_code == 403


def test_a_plan_is_archived_and_never_deleted(client: Client) -> None:
    sign_in(client)
    plan = make_plan(slug="tide").plan

    client.post("/admin/pulser/plan/", {"action": "archive", "_selected_action": [plan.pk]})

    assert Plan.objects.active().count() == 0
    assert client.post(reverse("admin:pulser_plan_delete", args=[plan.pk])).status_code == 403


def test_an_archived_plan_comes_back(client: Client) -> None:
    sign_in(client)
    plan = make_plan(slug="tide").plan
    Plan.objects.update(archived_at="2026-01-01T00:00:00Z")

    client.post("/admin/pulser/plan/", {"action": "unarchive", "_selected_action": [plan.pk]})

    assert Plan.objects.active().count() == 1


def test_who_may_only_look_reads_the_document(client: Client) -> None:
    let_in(client, "view_plan")
    version = make_plan(slug="tide")

    page = client.get(page_of(version.plan)).content.decode()

    assert "echo hello" in page
    assert "<textarea" not in page
    assert client.post(page_of(version.plan), {"source": EXAMPLE}).status_code == 403


@pytest.mark.parametrize("role", ["operator", "viewer", ""])
def test_people_who_are_not_staff_do_not_get_in(client: Client, role: str) -> None:
    sign_in(client, role)

    answer = client.get(page_of(make_plan(slug="tide").plan))

    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


def test_the_list_of_plans_asks_the_same_number_of_queries_for_more_plans(
    client: Client, django_assert_max_num_queries: object
) -> None:
    sign_in(client)
    for number in range(12):
        make_plan(slug=f"plan-{number}")

    with django_assert_max_num_queries(8):  # type: ignore[operator]
        client.get("/admin/pulser/plan/")
