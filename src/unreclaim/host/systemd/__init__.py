"""What systemd and its journal say, by their own interfaces."""
