"""What people ask about a run beyond its rows: why it stands still, what a retry would do, how two of them differ."""
