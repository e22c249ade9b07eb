"""What every script shares: its terminal, its signals, and the append-only store. No part of the library imports it."""
