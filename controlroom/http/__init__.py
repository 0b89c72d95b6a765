"""What stands between the server and a view: limits, compression, static files, policies, callers, error pages."""
