"""Patches of EventBridge, applied when it loads."""
