"""The operator's door: one file a command. Commands are imported only when they are run."""
