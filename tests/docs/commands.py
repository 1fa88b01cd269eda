"""What the commands of a document would do, without doing it.

A real shell reads the block as it stands, with variables, functions and redirections; but it finds no program, so each
command is only written down: its words as the program would get them.
"""

import re
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import yaml
from django.core.management import get_commands, load_command_class
from django.core.management.base import CommandError

from tests.servers import ROOT, require

# A program that is named with a slash would be looked for where it says: a function of that name stands in for it.
_PREPARED = """
note() { { for word in "$@"; do printf '%s\\0' "$word"; done; printf '\\1\\0'; } >> "$NOTED"; }
command_not_found_handle() { note "$@"; }
cd() { note cd "$@"; }
"""
_SLASHED = re.compile(r"(?<![\w./=\"'-])((?:[\w.-]+/|/)+bin/[\w.-]+)(?=\s)")


def noted(text: str) -> list[list[str]]:
    """Every simple command of `text`, in order, each as its words."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "noted"
        record.touch()
        for made_before in re.findall(r" < ([\w.-]+)", text):
            (Path(folder) / made_before).touch()
        functions = "".join(f'{name}() {{ note {name} "$@"; }}\n' for name in sorted(set(_SLASHED.findall(text))))
        done = subprocess.run(
            [require("bash"), "--norc", "-uc", f"{_PREPARED}{functions}{text}"],
            cwd=folder,
            env={**GIVEN, "NOTED": str(record), "PATH": "/nonexistent"},
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert not done.stderr, done.stderr
        commands: list[list[str]] = [[]]
        for word in record.read_text().split("\0"):
            if word == "\1":
                commands.append([])
            else:
                commands[-1].append(word)
        return [words for words in commands if words != [""]]


# What a reader has set before.
GIVEN = MappingProxyType(
    {
        "EDITOR": "vi",
        "DATABASE_URL": "postgresql://statusproj@db.example/statusproj",
        "RESTORED_URL": "postgresql://statusproj@db.example/restored",
        "BACKUP": "/var/backups/statusproj.dump",
        "RUN": "01a0c1d2-3e4f-4a5b-8c6d-7e8f9a0b1c2d",
        "TOKEN": "spt_x",
    }
)


def check(words: list[str]) -> None:
    """Is this a command that exists, with these options and files? AssertionError says what is wrong with it."""
    program = Path(words[0]).name
    assert program in KNOWN, f"{program}: tests/docs/commands.py does not know how to look at it: {words}"
    KNOWN[program](words[1:])


def _manage(words: list[str]) -> None:
    name, *options = words
    assert name in get_commands(), f"manage.py has no command {name}"
    try:
        load_command_class(get_commands()[name], name).create_parser("manage.py", name).parse_args(options)
    except CommandError as error:
        # `manage.py tasks` is a command that a text may speak of, though nobody can run it so.
        assert not options and "are required" in str(error), f"manage.py {' '.join(words)}: {error}"


def _python(words: list[str]) -> None:
    if words[0].endswith("manage.py"):
        _manage(words[1:])
    elif words[0] == "-m":
        assert words[1] == "venv" or find_spec(words[1]), words
    elif words[0] == "-c":
        compile(words[1], "-c", "exec")
    else:
        assert words[0].endswith(".py"), words


def _make(words: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for word in words:
        name, is_variable, _ = word.partition("=")
        pattern = rf"\$\({name}\)" if is_variable else rf"^{name}:"
        assert re.search(pattern, makefile, re.MULTILINE), f"make {word}: there is no such thing"


def _pip(words: list[str]) -> None:
    assert words[0] == "install", words
    lock = (ROOT / "requirements.lock").read_text()
    options = iter(words[1:])
    for word in options:
        if word in {"--requirement", "-r", "--constraint", "-c"}:
            assert (ROOT / next(options)).is_file(), words
        elif not word.startswith("-"):
            assert re.search(rf"^{word}==", lock, re.MULTILINE) or word.endswith(".whl"), f"{word} is not in the lock"


def _docker(words: list[str]) -> None:
    assert words[:2] == ["compose", "--file"], words
    services = yaml.safe_load((ROOT / words[2]).read_text())["services"]
    verb, *rest = words[3:]
    if verb == "--profile":
        profile, verb, *rest = rest
        assert any(profile in service.get("profiles", []) for service in services.values()), words
    assert verb in {"up", "run", "exec", "build", "ps", "logs", "stop", "down", "pull"}, verb
    plain = [word for word in rest if not word.startswith("-")]
    if plain:
        assert plain[0] in services, f"{plain[0]} is no service of {words[2]}"
    inner = rest[rest.index(plain[0]) + 1 :] if plain and verb in {"run", "exec"} else []
    if inner:
        check(inner)


def _files(words: list[str]) -> None:
    """Files of ours that are named are there; what is made meanwhile is not ours yet."""
    for word in words:
        if word.startswith(("deploy/", "docs/")) and word not in MADE:
            assert list(ROOT.glob(word)), f"{word} is not there"


def _systemd_run(words: list[str]) -> None:
    inside = next(place for place, word in enumerate(words) if not word.startswith("-"))
    check(words[inside:])


def _systemctl(words: list[str]) -> None:
    units = {path.name for path in (ROOT / "deploy/systemd").glob("*.service")}
    for word in words[1:]:
        if not word.startswith("-"):
            assert re.sub(r"@\w+", "@", word) + ".service" in units, word


def _elsewhere(words: list[str]) -> None:
    """Run for real by another test, or not ours to look at."""


FOREIGN = {"db_worker", "prune_db_task_results"}  # of django-tasks-db, in docs/moving.md
MADE = {"deploy/.env", "deploy/metrics_token"}
KNOWN: dict[str, Callable[[list[str]], None]] = {
    "manage.py": _manage,
    "python": _python,
    "python3": _python,
    "make": _make,
    "pip": _pip,
    "docker": _docker,
    "systemd-run": _systemd_run,
    "systemctl": _systemctl,
    **dict.fromkeys(("cp", "install", "touch", "ln", "mkdir", "chmod", "vi"), _files),
    # tests/process/test_backup.py runs those of Postgres, tests/docs/test_tutorial.py those of curl, and tests/library/
    # that of uv.
    **dict.fromkeys(("uv", "pg_dump", "pg_restore", "createdb", "psql", "curl", "git", "useradd", "cd"), _elsewhere),
}


def inline(path: str) -> Iterator[list[str]]:
    """Commands of ours in the text of a document, between backticks; not those that stand for several."""
    text = (ROOT / path).read_text()
    for span in re.findall(r"(?<!`)`((?:\.venv/bin/python )?(?:manage\.py|make) [a-z][^`…]*)`(?!`)", text):
        yield shlex.split(span.replace("\\|", "|"))
