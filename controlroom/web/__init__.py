"""For people: pages, forms, live updates over sockets, and the Django admin."""
