"""A run as of one of its events: folded from its log, and shown by the pages' own templates."""
