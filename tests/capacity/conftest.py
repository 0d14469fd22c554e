"""Property tests without a deadline: a busy machine is not a failing property."""

from hypothesis import settings

settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")
