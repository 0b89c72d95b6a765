"""Child processes: start them, watch them, end them with all that they started. Imports nothing else of ours."""
