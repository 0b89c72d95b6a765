"""What can be asked for: the verbs that pages, API, CLI and admin call, one file a verb."""
