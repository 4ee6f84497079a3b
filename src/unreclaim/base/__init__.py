"""Units, errors and exit codes: what every room may know and that knows no room."""
