"""The statements of the moves, by what they are about. Statuses in them come from the tables of moves.

Values are named parameters. A statement whose `SET` clauses depend on the occasion is a function, and kept once made.
"""
