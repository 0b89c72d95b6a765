"""Bad input for a real control room: to every call of its OpenAPI, every page, hooks, sockets, and by not reading."""
