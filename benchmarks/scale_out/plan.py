"""Who watches what, and who starts how many runs when."""

from dataclasses import dataclass

WATCHED = 2  # runs of each user that have a socket of their own
SOCKETS = 5  # of each user
TOPICS = 2  # of each user
BATCH_OWNERS = 10  # one in so many users starts a batch


@dataclass(frozen=True, kw_only=True)
class Shape:
    """So many processes."""

    webs: int
    workers: int
    concurrency: int = 3

    @property
    def words(self) -> str:
        """As it stands in a table."""
        webs, workers = (
            f"{n} {word}{'' if n == 1 else 's'}" for n, word in ((self.webs, "web"), (self.workers, "worker"))
        )
        return f"{webs}, {workers}"


@dataclass(frozen=True, kw_only=True)
class Load:
    """`users` with five sockets each; `runs`, half of them in batches, the others one by one over `seconds`."""

    users: int
    runs: int
    seconds: float
    steps: int = 3  # of each run: a bit of progress each, and a line of the log in the end

    @property
    def sockets(self) -> int:
        """How many are open all the time."""
        return self.users * SOCKETS

    @property
    def watched(self) -> int:
        """Runs that wait before the clock starts, so that there is something to watch."""
        return self.users * WATCHED

    @property
    def batch_owners(self) -> int:
        """The first so many users start a batch each."""
        return max(1, self.users // BATCH_OWNERS)

    @property
    def batch(self) -> int:
        """Runs of each batch."""
        return (self.runs - self.watched) // 2 // self.batch_owners

    @property
    def trickle(self) -> int:
        """Runs that are started one by one, by the users in turn."""
        return self.runs - self.watched - self.batch * self.batch_owners


@dataclass(frozen=True, kw_only=True)
class Socket:
    """One socket: `kind` is run, mine, topic or notifications; `of` the run or topic."""

    user: int  # its place among the users
    kind: str
    of: str = ""
    html: bool = False

    @property
    def path(self) -> str:
        """Where it is opened."""
        route = {
            "run": f"/ws/bulk-process/{self.of}",
            "mine": "/ws/progress/mine",
            "topic": f"/ws/progress/{self.of}",
            "notifications": "/ws/notifications",
        }[self.kind]
        return f"{route}?content=html" if self.html else route


def topic_of(number: int) -> str:
    """The topic of the run with this number."""
    return f"topic-{number % TOPICS}"


def sockets_of(user: int, watched: list[str]) -> list[Socket]:
    """The sockets of the user at this place: a page of a run in JSON and one in HTML, lists, a topic, the bell."""
    first, second = watched
    return [
        Socket(user=user, kind="run", of=first),
        Socket(user=user, kind="run", of=second, html=True),
        Socket(user=user, kind="mine", html=user % 4 == 0),
        Socket(user=user, kind="topic", of=topic_of(0)),
        Socket(user=user, kind="notifications", html=user % 4 == 1),
    ]
