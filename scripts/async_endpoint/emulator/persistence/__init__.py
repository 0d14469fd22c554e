"""Persistence of the emulator in a state directory (`--state-dir`), across a stop and, as far as possible, a kill -9.

A state directory is trusted like code: loading a pickle executes it. It is created for its owner alone.
"""
