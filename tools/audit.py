"""Known vulnerabilities of what requirements.lock pins: pip-audit, with an honest word about what it could not ask.

    python -m tools.audit        exit code 1 if something pinned is known to be vulnerable

Where the advisories of PyPI cannot be reached (no network, or a mirror that has none) nothing is known, neither good
nor bad: that is said, and is no failure.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120  # seconds


def ask() -> list[dict[str, Any]] | str:
    """What pip-audit found for each dependency; or why it found nothing."""
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--format", "json"]
    command += ["--progress-spinner", "off", "--requirement", str(ROOT / "requirements.lock")]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        return list(json.loads(told.stdout)["dependencies"])
    except subprocess.TimeoutExpired:
        return f"no answer within {PATIENCE} s"
    except (ValueError, KeyError):
        return told.stderr.strip().splitlines()[-1] if told.stderr.strip() else "pip-audit said nothing"


def verdict(found: list[dict[str, Any]] | str) -> tuple[int, list[str]]:
    """The exit code, and what to say."""
    if isinstance(found, str):
        return 0, [f"NOT AUDITED: the advisories could not be asked ({found})."]
    unknown = [one["name"] for one in found if "skip_reason" in one]
    lines = [
        f"VULNERABLE: {one['name']} {one['version']}: {hole['id']}"
        + (f", mended in {', '.join(hole['fix_versions'])}" if hole.get("fix_versions") else "")
        for one in found
        for hole in one.get("vulns", [])
    ]
    if unknown and len(unknown) == len(found):
        return 0, [f"NOT AUDITED: whatever serves packages here knows no advisories ({len(found)} packages asked for)."]
    if unknown:
        lines.append(f"Not audited: {', '.join(unknown)}.")
    audited = len(found) - len(unknown)
    return (1 if any(one.get("vulns") for one in found) else 0), [
        *lines,
        f"Audited: {audited} of {len(found)} packages.",
    ]


if __name__ == "__main__":
    code, said = verdict(ask())
    print("\n".join(said))
    sys.exit(code)
