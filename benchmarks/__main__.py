"""`make bench`: every benchmark, one after the other, each in a process of its own; then docs/benchmarks.md."""

import subprocess
import sys

from benchmarks.report import write

MODULES = (
    *("enqueue", "engines", "cancel", "rescue", "progress", "pages", "scale", "articles_scale", "cleanup"),
    *(
        "notifications",
        "publish",
        "fanout",
        "feeds",
        "ingest",
        "ingest_stages",
        "ingest_scores",
        "audit_trail",
        "soak",
        "scale_out",
    ),
)


def main() -> None:
    """Run all, or those named on the command line; report what has results."""
    for name in sys.argv[1:] or MODULES:
        print(f"{name} …", flush=True)
        subprocess.run([sys.executable, "-W", "ignore", "-m", f"benchmarks.{name}"], check=True)
    print(f"Written: {write()}")


if __name__ == "__main__":
    main()
