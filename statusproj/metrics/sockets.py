"""Who is connected to this process, and what passed through its sockets: read where it is counted, when it is asked."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from live.hub import open_sockets
from live.traffic import TRAFFIC

PLACES = ("socket", "inbox", "render", "count", "outbox", "layer")


class Sockets(Collector):
    """Sockets and frames of this process."""

    def collect(self) -> Iterator[Metric]:
        """Seven families; no query."""
        yield GaugeMetricFamily("statusproj_sockets", "Sockets that are open in this process.", open_sockets())
        for name, help_text, number in (
            ("sockets_opened", "Sockets opened, refused ones included.", TRAFFIC.opened),
            ("frames_published", "Frames published by this process, however many hear them.", TRAFFIC.published),
            ("frames_sent", "Frames handed to sockets, one for each socket.", TRAFFIC.sent),
            ("frames_superseded", "Progress replaced by newer progress: nothing was lost.", TRAFFIC.superseded),
        ):
            yield CounterMetricFamily(f"statusproj_{name}", help_text, number)
        closed = CounterMetricFamily("statusproj_sockets_closed", "Sockets this process closed.", labels=["code"])
        for code, number in sorted(TRAFFIC.closed.items()):
            closed.add_metric([str(code)], number)
        yield closed
        dropped = CounterMetricFamily(
            "statusproj_frames_dropped", "Frames passed over; who missed one reads again.", labels=["where"]
        )
        for place in PLACES:
            dropped.add_metric([place], TRAFFIC.dropped[place])
        yield dropped
