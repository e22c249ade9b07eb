"""The server of markets."""
