"""The output of steps for people: a log as numbered lines, of which any page is found without reading the rest."""
