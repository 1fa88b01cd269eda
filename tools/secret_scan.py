"""What must not get into the repository, found by its shape. Needs no network; beside it stand ruff's S rules.

    python -m tools.secret_scan [file ...]    every file that git knows, or these; exit code 1 if anything is found

A made-up one, in a test or an example, is marked on its line, or is left out by what EXAMPLES says.
"""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARK = "not a secret"
LARGEST = 2_000_000  # bytes
SHAPES = {
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s*[A-Za-z0-9+/=\\n]{40,}",
    "a key of AWS": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a token of GitHub": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})",
    "a token of GitLab": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "a token of Slack": r"\bxox[abprs]-[A-Za-z0-9-]{20,}",
    "a token of PyPI": r"\bpypi-[A-Za-z0-9_-]{60,}",
    "a key of a model's API": r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,}",
    "a key of Google": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "a key of Stripe": r"\b[sr]k_live_[0-9A-Za-z]{20,}",
    "one of our own API tokens": r"\bspt_[A-Za-z0-9_-]{43}\b",
    "a signed web token": r"\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}",
    "a password in an address": r"\b[a-z][a-z0-9+.-]*://[^\s:/@'\"{}<>$]{1,64}:[^\s:/@'\"{}<>$]{3,}"
    r"@(?P<host>[A-Za-z0-9.\[\]:-]+)",
    "a setting that holds one": r"(?i)\b(?:secret_key|password|api_key|access_key|auth_token)\b\s*[=:]\s*"
    r"['\"](?=[^'\"]*\d)(?=[^'\"]*[a-z])[^'\"\s{}<>$]{20,}['\"]",
}
# Where hosts of examples and of tests live: no password opens anything there.
EXAMPLES = re.compile(
    r"(?:^|\.)(?:example|test|invalid|localhost|example\.(?:com|org|net))\.?(?::\d+)?$|^(?:127\.[\d.]+|\[.*\]|host|db)(?::\w*)?$"
)


def findings(text: str) -> Iterator[tuple[int, str]]:
    """The line, and what it seems to hold: never the thing itself."""
    lines = text.splitlines()
    for what, shape in SHAPES.items():
        for found in re.finditer(shape, text):
            number = text.count("\n", 0, found.start())
            host = found.groupdict().get("host")
            if MARK not in lines[number] and not (host and EXAMPLES.search(host)):
                yield number + 1, what


def tracked() -> list[Path]:
    """Every file that git knows; of a copy without git, every file but those of hidden folders (.venv, .data)."""
    try:
        names = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)  # noqa: S607
    except (OSError, subprocess.CalledProcessError):
        return [path for path in ROOT.rglob("*") if not path.relative_to(ROOT).parts[0].startswith(".")]
    return [ROOT / name for name in names.split("\0") if name]


def scan(paths: Iterable[Path]) -> list[str]:
    """`file:line: what` of everything found. Files that are no text, and very large ones, are left out."""
    found = []
    for path in paths:
        if not path.is_file() or path.stat().st_size > LARGEST:
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{path}:{line}: this looks like {what}" for line, what in findings(text)]
    return found


if __name__ == "__main__":
    seen = scan([Path(name) for name in sys.argv[1:]] or tracked())
    print("\n".join([*seen, f"{len(seen)} secrets."]) if seen else "No secrets.")
    sys.exit(bool(seen))
