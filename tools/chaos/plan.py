"""What is done to whom and when: decided by a seed alone, before anything runs."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Deed(StrEnum):
    """What can be done."""

    KILL = "killed (-9)"
    STOP = "stopped (SIGTERM)"
    FREEZE = "frozen"
    STALL = "stalled"
    CUT = "cut"
    REFUSE = "refusing"
    NO_ANSWER = "without answers"
    FLOOD = "flooded"


class Flood(StrEnum):
    """With what a web process is flooded."""

    CROWD = "a crowd that connects at once"
    DEAF = "sockets that never read"
    GARBAGE = "sockets that send garbage"
    TALKERS = "sockets that send thousands of frames"
    PASSERS = "connecting and leaving in a loop"


LINK_DEEDS = (Deed.STALL, Deed.CUT, Deed.REFUSE, Deed.NO_ANSWER)
STORES = ("postgres", "redis")
EVERYBODY = 8.0  # seconds between two things that stop everybody, so that something gets done
MEAN_GAP = 1.6  # seconds from one disturbance to the next


@dataclass(frozen=True, kw_only=True, order=True)
class Disturbance:
    """`lasts`: seconds until it is undone."""

    at: float
    lasts: float
    deed: Deed
    target: str  # of a process or store its name; of a link "process → store"
    flood: Flood | None = None

    def __str__(self) -> str:
        what = f"{self.target} {self.deed}"
        return f"{what} for {self.lasts:.1f} s" + (f": {self.flood}" if self.flood else "")


def make_plan(
    seed: int, *, seconds: float, webs: list[str], workers: list[str], driver: str, longest: float
) -> list[Disturbance]:
    """Disturbances from 0 to `seconds`, by time; all are undone by then.

    The last web and the last worker are never killed, so that of each kind one process lives from the beginning to the
    end and can be looked at for leaks. Of webs, and of workers, one is always left in peace. `longest`: seconds
    somebody is frozen or stalled at most; longer than a worker may be silent.
    """
    rng = random.Random(seed)
    plan: list[Disturbance] = []
    at = 1.0
    while at < seconds - 2:
        new = _choose(rng, webs, workers, driver, longest)
        new = Disturbance(
            at=round(at, 2), lasts=round(min(new.lasts, seconds - at), 2), deed=new.deed, target=new.target,
            flood=new.flood,
        )  # fmt: skip
        if _is_bearable(new, plan, webs, workers):
            plan.append(new)
            at += rng.expovariate(1 / MEAN_GAP)
        else:
            at += 0.2
    return plan


def _choose(rng: random.Random, webs: list[str], workers: list[str], driver: str, longest: float) -> Disturbance:
    kind = rng.choices(["worker", "web", "postgres", "redis", "link", "flood"], [6, 3, 2, 2, 7, 3])[0]
    flood = None
    match kind:
        case "worker" | "web":
            among = workers if kind == "worker" else webs
            deed = rng.choice([Deed.KILL, Deed.STOP, Deed.FREEZE])
            target = rng.choice(among if deed is Deed.FREEZE else among[:-1] or among)
            lasts = rng.uniform(0.5, longest) if deed is Deed.FREEZE else rng.uniform(0, 3)
        case "postgres" | "redis":
            deed, target = rng.choice([Deed.KILL, Deed.STOP, Deed.FREEZE]), kind
            lasts = rng.uniform(0.5, 5)
        case "link":
            process = rng.choice([*workers, *workers, *webs, driver])
            target = f"{process} → {rng.choices(STORES, [2, 1])[0]}"
            deed = rng.choice(LINK_DEEDS)
            lasts = 0.0 if deed is Deed.CUT else rng.uniform(0.5, longest)
        case _:
            deed, target, flood = Deed.FLOOD, rng.choice(webs), rng.choice(list(Flood))
            lasts = rng.uniform(2, 5)
    return Disturbance(at=0, lasts=lasts, deed=deed, target=target, flood=flood)


def _is_bearable(new: Disturbance, plan: Iterable[Disturbance], webs: list[str], workers: list[str]) -> bool:
    """Does it leave somebody who can work? Judged by when each is undone."""
    begin, end = new.at, new.at + new.lasts
    process = new.target.split(" → ")[0]
    going_on = [one for one in plan if one.at < end and begin < one.at + one.lasts + 1]
    if new.target in STORES:
        lately = (one for one in plan if one.target in STORES)
        return all(begin > one.at + one.lasts + EVERYBODY for one in lately)
    if new.deed is Deed.FLOOD:
        return not any(one.deed is Deed.FLOOD for one in going_on)
    busy = {one.target.split(" → ")[0] for one in going_on if one.deed is not Deed.FLOOD}
    if process in busy:
        return False
    return all(process not in among or len(busy.intersection(among)) < len(among) - 1 for among in (webs, workers))
