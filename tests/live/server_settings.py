"""Settings of the server in tests: the project's, and what the test sets in the environment."""

import os

from statusproj.settings import *  # noqa: F403

LIVE_MAX_AGE_SECONDS = float(os.environ.get("TEST_MAX_AGE", "3600"))
LIVE_RECONCILE_SECONDS = 0.1
