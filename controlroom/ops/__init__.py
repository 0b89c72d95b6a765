"""How the control room itself is doing: readiness, metrics, and the numbers behind the health page."""
