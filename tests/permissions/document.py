"""docs/permissions.md: its tables, read and written."""

import re

from tests.servers import ROOT

PAGE = ROOT / "docs" / "permissions.md"
ROLES = ("anonymous", "stranger", "owner", "staff", "superuser")
HEAD = f"| route | method | {' | '.join(ROLES)} |"

# What happens, by route and then method, for each of the roles.
type Matrix = dict[str, dict[str, tuple[str, ...]]]


def table_of(matrix: Matrix) -> str:
    """One line for all methods of a route with which the same happens."""
    lines = [HEAD, "|---" * (2 + len(ROLES)) + "|"]
    for route, methods in matrix.items():
        together: dict[tuple[str, ...], list[str]] = {}
        for method, verdicts in methods.items():
            together.setdefault(verdicts, []).append(method)
        lines += [f"| `{route}` | {', '.join(same)} | {' | '.join(verdicts)} |" for verdicts, same in together.items()]
    return "\n".join(lines)


def recorded(part: str) -> Matrix:
    """What the document says under the heading `part`."""
    text = PAGE.read_text().partition(f"\n## {part}\n")[2].partition("\n## ")[0]
    matrix: Matrix = {}
    for line in re.findall(r"^\| `.*\|$", text, re.MULTILINE):
        route, methods, *verdicts = (cell.strip() for cell in line.strip("|").split("|"))
        for method in methods.split(", "):
            matrix.setdefault(route.strip("`"), {})[method] = tuple(verdicts)
    return matrix


def pages_of_staff() -> list[str]:
    """The pages that staff can look at, signed in."""
    gets = {route: methods["GET"] for route, methods in recorded("Pages").items() if "GET" in methods}
    return [route for route, verdicts in gets.items() if (verdicts[0], verdicts[3]) == ("sign in", "yes")]


def record(part: str, matrix: Matrix) -> None:
    """Write the table under the heading `part` anew."""
    before, heading, rest = PAGE.read_text().partition(f"\n## {part}\n")
    assert heading, f"docs/permissions.md has no part {part}"
    prose, _, behind = rest.partition(HEAD)
    after = behind.partition("\n\n")[2]
    tail = f"\n\n{after}" if after else "\n"
    words = f"\n{prose.strip()}\n" if prose.strip() else ""
    PAGE.write_text(f"{before}{heading}{words}\n{table_of(matrix)}{tail}")
