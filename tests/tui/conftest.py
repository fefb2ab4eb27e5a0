"""Settings of all tests of the screen."""

from hypothesis import settings

# A test asserts no time: an example that takes long on a machine that does other things is no failure.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
