"""Definitions shared by all parts: errors, limits, metrics, notifications, outputs. Pure: no I/O, no clock."""
