"""Up to which seq the frames of each job are known: by a process, by a socket, or to whoever looks for gaps."""

from collections import OrderedDict


class Known(OrderedDict[str, int]):
    """The seq by job, of the `most` jobs that were spoken of last. What is known of the others is forgotten."""

    __slots__ = ("_most",)

    def __init__(self, most: int) -> None:
        self._most = most
        super().__init__()

    def covers(self, job: str, seq: int) -> bool:
        """Is everything up to `seq` known of this job?"""
        return seq <= self.get(job, -1)

    def note(self, job: str, seq: int) -> None:
        """Everything up to `seq` is known of this job, or more, if more was known before."""
        self[job] = max(seq, self.get(job, -1))
        self.move_to_end(job)
        if len(self) > self._most:
            self.popitem(last=False)
