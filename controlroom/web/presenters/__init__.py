"""What templates show: contexts for pages and for live fragments alike, built from queries."""
