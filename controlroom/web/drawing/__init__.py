"""Pictures as geometry: where the nodes of a graph and the bars of a run stand. Pure; templates draw them as SVG."""
