"""Settings of this room and what holds where a project says nothing."""

from live.conf import Setting


class Conf:
    """What a project may set about notifications."""

    SITE_URL = Setting("http://localhost:8000")  # the address people reach the site by, for links in letters
    NOTIFICATIONS_KEEP_DAYS = Setting(90.0)  # read ones; those that nobody read are kept four times as long
    # Of one type for one person within the window; what comes beyond is counted on one (arrivals).
    NOTIFICATIONS_STORM_LIMIT = Setting(30)
    # What makes the connections of webhooks: the path of a function without arguments; empty for plain ones, which
    # reach whatever this machine reaches.
    NOTIFICATIONS_TRANSPORT = Setting("")


conf = Conf()
