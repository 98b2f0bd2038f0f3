"""What all tests share."""

from hypothesis import settings

# A run of the tests tries the same examples every time; `pytest --hypothesis-profile=random` tries new ones.
settings.register_profile("repeatable", derandomize=True, database=None)
settings.register_profile("random", derandomize=False)
settings.load_profile("repeatable")
