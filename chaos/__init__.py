"""Nothing lost: `python -m chaos` runs a seeded load through a control room, attacks it meanwhile, and checks."""
