"""Bad input for a real control room: to every call of its OpenAPI, to hooks, to sockets, and by not reading."""
