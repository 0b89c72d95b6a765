"""Who asks: people, tokens, and the roles that say what they may do. Imports nothing else of `runs`."""
