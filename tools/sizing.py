"""What a fleet must have: `python -m tools.sizing --runs-per-second 20 --sockets 2000`.

Every constant is a figure of benchmarks/results, measured on one machine; what is done with them here is arithmetic.
How to read the answer, and where it ends: docs/sizing.md.
"""

import argparse
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "sizing.md"
BEGIN, END = "<!-- written by python -m tools.sizing --write -->", "<!-- written until here -->"
BUSY = 0.7  # of a core: above it lines grow quickly, and a process that restarts must be made up for
SERVERS = ("daphne", "uvicorn")
OURS = "statusproj, through Redis pub/sub"
LIFE_OF_A_SOCKET = 3600 * 0.95  # seconds, on average, after which it is asked to come back
POOL = 20  # DATABASE_POOL_SIZE: connections of a process, at most
ENGINE = 5  # more of a worker


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Milliseconds of a processor and megabytes of memory, by part: what a run, a socket, a frame takes."""

    run: Mapping[str, float]  # the short run of the benchmark, with its progress, its line of the log, its notification
    opened: Mapping[str, float]  # a socket, once
    held: Mapping[str, float]  # a socket, each second
    weight: Mapping[str, float]  # MB of a socket
    process: Mapping[str, float]  # MB of a process
    published: float  # frames of a run
    sent: float  # frames of a run to sockets
    delivered: Mapping[str, float]  # a frame to a socket, by server

    @property
    def received(self) -> float:
        """A frame published, in all webs together: what is left when the sending is taken off their time. To take it
        from Redis, to draw it where HTML is wanted, to count and read again."""
        return max(0.0, (self.run["webs"] - self.sent * self.delivered["daphne"]) / self.published)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be carried. `watchers`: sockets that hear a frame, on average. `updates`: writes of progress a second
    beside those of short runs; a long run under way makes up to five."""

    runs: float
    sockets: float
    watchers: float = 2.0
    updates: float = 0.0
    server: str = "daphne"


@dataclass(frozen=True, kw_only=True)
class Part:
    """What a part of the installation must have: `cores` busy on average, in so many processes, with so much memory."""

    cores: float
    processes: int
    megabytes: float


def read(results: Path = RESULTS) -> Costs:
    """The constants, from the figures that are kept there. Raises FileNotFoundError and KeyError."""

    def rows(key: str, scale: float = 1.0) -> dict[str, float]:
        figure = json.loads((results / f"{key}.json").read_text())
        return {row["name"]: row["p50"] * scale for row in figure["rows"]}

    frames = rows("scale_out_frames")
    return Costs(
        run=rows("scale_out_run"),
        opened=rows("scale_out_socket"),
        held=rows("scale_out_rest", 1e-3),
        weight=rows("scale_out_held", 1e-3),
        process=rows("scale_out_memory"),
        published=frames["published"],
        sent=frames["sent to sockets"],
        delivered={server: rows(f"fanout_{server}_cost", 1e-3)[OURS] for server in SERVERS},
    )


def fleet(wanted: Wanted, costs: Costs) -> dict[str, Part]:
    """What each part must have; at least two webs and two workers, so that one may be replaced."""
    # An update counts as what a frame of a short run costs: of those most are an update with its frame as well.
    runs = wanted.runs + wanted.updates / costs.published
    published = runs * costs.published
    opened = wanted.sockets / LIFE_OF_A_SOCKET

    def cores(part: str, of_runs: float) -> float:
        return (of_runs + opened * costs.opened.get(part, 0) + wanted.sockets * costs.held.get(part, 0)) / 1000

    def megabytes(part: str) -> float:
        return wanted.sockets * costs.weight.get(part, 0)

    workers = cores("workers", runs * costs.run["workers"])
    sending = published * wanted.watchers * costs.delivered[wanted.server]
    webs = cores("webs", published * costs.received + sending)
    of_workers, of_webs = (max(2, math.ceil(busy / BUSY)) for busy in (workers, webs))
    parts = {
        "workers": Part(cores=workers, processes=of_workers, megabytes=of_workers * costs.process["a worker"]),
        "webs": Part(cores=webs, processes=of_webs, megabytes=of_webs * costs.process["a web"] + megabytes("webs")),
    }
    for part, process in (("Postgres", "Postgres, all of it"), ("Redis", "Redis"), ("nginx", "nginx")):
        if part in costs.run:
            busy = cores(part, runs * costs.run[part])
            parts[part] = Part(cores=busy, processes=1, megabytes=costs.process[process] + megabytes(part))
    return parts


def connections(parts: Mapping[str, Part]) -> int:
    """To Postgres, at most, with room to deploy a second version beside the first."""
    return 2 * (parts["webs"].processes * POOL + parts["workers"].processes * (POOL + ENGINE))


def carries(costs: Costs) -> list[tuple[str, str, str]]:
    """What one core of each part carries when it does nothing else: part, how much, of what."""
    said = [
        (f"{part}, one core", f"{1000 / costs.run[part]:,.0f} runs/s", f"{costs.run[part]:.2f} ms a run")
        for part in ("workers", "Postgres", "Redis", "nginx")
        if part in costs.run
    ]
    for server in SERVERS:
        ms = costs.delivered[server]
        said.append(
            (f"webs, one core, {server}", f"{1000 / ms:,.0f} frames/s to sockets", f"{ms * 1000:.0f} µs a frame")
        )
    received, opened = costs.received, costs.opened["webs"]
    said.append(("webs, one core", f"{1000 / received:,.0f} frames/s from Redis", f"{received * 1000:.0f} µs a frame"))
    said.append(("webs, one core", f"{1000 / opened:,.0f} sockets opened/s", f"{opened:.1f} ms each"))
    said.append(("webs, one core", f"{1000 / costs.held['webs']:,.0f} idle sockets", "re-reads, checks of access"))
    for part, megabytes in costs.weight.items():
        if megabytes > 0:
            said.append((f"{part}, 1 GB", f"{1000 / megabytes:,.0f} sockets", f"{megabytes * 1000:.1f} KB each"))
    said += [
        (f"memory: {name}", f"{megabytes:.0f} MB", "when all runs had ended")
        for name, megabytes in costs.process.items()
    ]
    return said


def table(costs: Costs) -> str:
    """The same as a table in Markdown."""
    rows = [f"| {part} | {amount} | {why} |" for part, amount, why in carries(costs)]
    return "\n".join(["| of | carries | because |", "|---|---:|---|", *rows])


def page(text: str, costs: Costs) -> str:
    """docs/sizing.md with the constants as they are now. Raises ValueError where it has no place for them."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE.name} has no lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{table(costs)}\n\n{END}{after}"


def answer(wanted: Wanted, costs: Costs) -> str:
    """What is needed, for people."""
    parts = fleet(wanted, costs)
    lines = [f"{'':10} {'busy cores':>11} {'processes':>10} {'memory':>10}"]
    lines += [
        f"{name:10} {part.cores:>11.2f} {part.processes:>10} {part.megabytes:>7,.0f} MB" for name, part in parts.items()
    ]
    total = sum(part.cores for part in parts.values())
    first = max(parts.keys() - {"workers", "webs"}, key=lambda name: parts[name].cores)
    lines += [
        f"{total:.1f} cores are busy: have {math.ceil(total / BUSY)}. Postgres: max_connections {connections(parts)}.",
        f"Of what there is one of, {first} is the busiest, with {parts[first].cores:.2f} cores.",
    ]
    if parts["Redis"].cores > BUSY:
        lines.append("One Redis uses one core: this is more than it carries. See docs/sizing.md, 100 ×.")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Answer, or bring the page in step with the figures."""
    parser = argparse.ArgumentParser(prog="python -m tools.sizing", description=__doc__)
    parser.add_argument(
        "--runs-per-second", type=float, default=1.0, help="runs that end a second, at the busiest time"
    )
    parser.add_argument("--sockets", type=float, default=100.0, help="open at once")
    parser.add_argument("--watchers", type=float, default=2.0, help="sockets that hear of one run, on average")
    parser.add_argument("--updates-per-second", type=float, default=0.0, help="of long runs: up to five each")
    parser.add_argument("--server", choices=SERVERS, default="daphne")
    parser.add_argument("--write", action="store_true", help=f"write the constants into docs/{PAGE.name}")
    given = parser.parse_args(arguments)
    try:
        costs = read()
    except FileNotFoundError as error:
        parser.exit(1, f"There are no figures in {error.filename}: python -m benchmarks.scale_out measures them.\n")
    if given.write:
        PAGE.write_text(page(PAGE.read_text(), costs))
        print(f"Written: {PAGE}")
        return 0
    wanted = Wanted(
        runs=given.runs_per_second,
        sockets=given.sockets,
        watchers=given.watchers,
        updates=given.updates_per_second,
        server=given.server,
    )
    print(answer(wanted, costs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
