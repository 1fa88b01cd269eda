"""A whole installation of this project on one machine, each part a real process.

What chaos, soak and the proof of scale run against."""

from tools.fleet.installation import Fleet
from tools.fleet.sampling import Sample, sample
from tools.fleet.services import Service

__all__ = ["Fleet", "Sample", "Service", "sample"]
