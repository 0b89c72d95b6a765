"""`python -m fuzz.people NAME ROLE PASSWORD`: makes somebody who may sign in, and prints the addresses of all pages."""

from __future__ import annotations

import json
import sys

from controlroom.cli.direct import database


def main() -> None:
    name, role, password = sys.argv[1:]
    with database():
        from django.contrib.auth.models import Group, User

        from controlroom.web.pages.urls import urlpatterns

        person = User.objects.create_user(name, password=password)
        person.groups.add(Group.objects.get_or_create(name=role)[0])
        print(json.dumps([f"/{each.pattern}" for each in urlpatterns]))


if __name__ == "__main__":
    main()
