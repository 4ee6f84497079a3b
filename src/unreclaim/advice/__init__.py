"""What to change: rules on unit files, plans and the drop-ins that enact them, from values alone."""
