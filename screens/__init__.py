"""Pictures of the control room at work: a room is started, does real runs, and is photographed."""
