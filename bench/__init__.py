"""Speed, measured on the real thing: `python -m bench` starts a control room of its own and prints one table."""
