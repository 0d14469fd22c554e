"""Fault injection into the emulator, each fault repeatable by its seed."""
