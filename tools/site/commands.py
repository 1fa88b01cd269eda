"""The commands of `manage.py` as a page: what each takes, from its own parser."""

import os
from argparse import Action, ArgumentParser, _SubParsersAction
from collections.abc import Iterator

import django
from django.apps import apps
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand

from tools.site.schemas import cell

ROOMS = ("statusproj", "tasks", "ingest", "notifications", "live", "accounts")


def page() -> str:
    """Every command of ours."""
    if not apps.ready:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "statusproj.settings")
        django.setup()
    lines = [
        "# Commands",
        "",
        "Made from the commands themselves: `manage.py COMMAND --help` says the same. How they are used at a terminal, "
        "and their exit codes: [from the terminal](terminal.md). In a checkout `manage.py` is "
        "`.venv/bin/python manage.py`.",
        "",
    ]
    for name, room in sorted(get_commands().items()):
        if room in ROOMS:
            command = load_command_class(room, name)
            lines += [f"## {name}", "", command.help, "", *described(command.create_parser("manage.py", name))]
    return "\n".join(lines)


def described(parser: ArgumentParser) -> Iterator[str]:
    """What one command, or each of its sub-commands, takes."""
    common = {action.dest for action in BaseCommand().create_parser("manage.py", "x")._actions}
    own = [action for action in parser._actions if action.dest not in common]
    inner = [action for action in own if isinstance(action, _SubParsersAction)]
    taken = [action for action in own if action not in inner]
    if taken:
        yield from ("| argument | meaning |", "|---|---|")
        yield from (f"| {words_of(action)} | {cell(help_of(action))} |" for action in taken)
        yield ""
    for choice in inner:
        helps = {one.dest: one.help or "" for one in choice._choices_actions}
        for name, sub in choice.choices.items():
            yield f"### {parser.prog.removeprefix('manage.py ')} {name}"
            yield ""
            yield f"{helps.get(name, '')[:1].upper()}{helps.get(name, '')[1:]}."
            yield ""
            yield from described(sub)


def words_of(action: Action) -> str:
    """How it is written: `--limit LIMIT`, or the name of a place."""
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`" + (" …" if action.nargs in {"*", "+"} else "")
    named = action.metavar if isinstance(action.metavar, str) and "|" not in action.metavar else action.dest.upper()
    value = "" if action.nargs == 0 else f" {named}"
    return ", ".join(f"`{option}{value}`" for option in action.option_strings)


def help_of(action: Action) -> str:
    """Its help, what it may be, and its default where that tells something."""
    parts = [(action.help or "").removesuffix(".").replace("%%", "%")]
    if action.choices is not None:
        parts.append("one of " + ", ".join(f"`{choice}`" for choice in action.choices if choice))
    if "default" not in parts[0] and action.default not in (None, "", False, [], "==SUPPRESS=="):
        parts.append(f"default `{action.default}`")
    return "; ".join(filter(None, parts))
