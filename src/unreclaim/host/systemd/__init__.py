"""What systemd knows of a host: its unit files, what it says itself, and its journal."""
