"""A whole installation of this project on one machine, each part a real process.

What chaos, soak and the proof of scale run against."""

from tools.fleet.debian import DebianPostgres, Missing, Nginx
from tools.fleet.installation import Fleet
from tools.fleet.sampling import Sample, memory_of, sample, seconds_of
from tools.fleet.services import Service

__all__ = ["DebianPostgres", "Fleet", "Missing", "Nginx", "Sample", "Service", "memory_of", "sample", "seconds_of"]
