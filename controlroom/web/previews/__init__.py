"""How what a step left is shown: by kind, within bounds, and never as a page of ours. One kind, one file."""
