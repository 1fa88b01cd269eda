"""What a fork server may have to load, on a machine that is slow."""

import time

time.sleep(4)
