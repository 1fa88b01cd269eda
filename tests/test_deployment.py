"""What deploy/ and docs/deployment.md name is there: variables, commands, files. Nothing here needs Docker."""

import configparser
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands, load_command_class

from tests.documented import rows
from tests.servers import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yml").read_text())
OURS = {name: one for name, one in COMPOSE["services"].items() if str(one.get("image", "")).startswith("statusproj")}
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
KNOWN = {row[0] for row in rows("docs/settings.md", "variable")}

# Imports the settings and says which variables they read, branches that only some values open included.
READ_BY_SETTINGS = """
import json, os, sys
read, look_up = set(), type(os.environ).__getitem__
def noted(self, name):
    frame = sys._getframe(1)
    while frame is not None and "os.py" in frame.f_code.co_filename or "_collections_abc" in frame.f_code.co_filename:
        frame = frame.f_back
    if frame.f_code.co_filename.endswith("statusproj/settings.py"):
        read.add(name)
    return look_up(self, name)
type(os.environ).__getitem__ = noted
import statusproj.settings
print(json.dumps(sorted(read)))
"""


def read_by_settings(**environment: str) -> set[str]:
    """The variables that the settings really read in such an environment."""
    told = subprocess.check_output(
        [sys.executable, "-c", READ_BY_SETTINGS], cwd=ROOT, text=True, env={**os.environ, **environment}
    )
    return set(json.loads(told))


def env_file(name: str) -> dict[str, str]:
    """The variables that an example of an environment file sets."""
    lines = (DEPLOY / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_reference_of_variables_is_what_the_settings_read() -> None:
    given = {"DATABASE_URL": "postgresql://x@localhost/x", "EMAIL_HOST": "mail.example.com"}
    assert read_by_settings(**given, REDIS_URL="redis://localhost:1/0") == KNOWN


def test_what_a_deployment_must_set_is_in_every_example() -> None:
    must = {row[0] for row in rows("docs/deployment.md", "variable")}
    assert must <= KNOWN
    in_compose = set(COMPOSE["services"]["web1"]["environment"])
    # Pages of other origins are not everybody's.
    assert must - {"CSRF_TRUSTED_ORIGINS"} <= in_compose
    assert must - {"CSRF_TRUSTED_ORIGINS"} <= set(env_file("systemd/env.example"))


def test_every_variable_that_is_set_somewhere_is_one_we_read() -> None:
    for name, service in OURS.items():
        assert set(service["environment"]) <= KNOWN, name
    assert set(env_file("systemd/env.example")) <= KNOWN
    asked = set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "compose.yml").read_text()))
    # LOG_LEVEL has a default that nobody has to think of.
    assert asked - {"LOG_LEVEL"} == set(env_file("example.env"))


def test_the_settings_stand_the_examples_as_they_come() -> None:
    # Left empty is left out: a compose file hands on what was not filled in as an empty text.
    for empty in ("METRICS_PORT", "EMAIL_HOST", "METRICS_TOKEN"):
        assert read_by_settings(**{empty: ""}), empty


def commands() -> list[tuple[str, list[str]]]:
    """Every `manage.py` command that a file of deploy/ calls: where, and its words."""
    found = [(name, one.get("command") or ["python", "manage.py", "serve"]) for name, one in OURS.items()]
    found += [(unit.name, parsed(unit)["Service"]["ExecStart"].split()) for unit in UNITS]
    found += [(line.split(":")[0], line.split()[1:]) for line in (DEPLOY / "Procfile").read_text().splitlines()]
    [image] = re.findall(r"^CMD (\[.*\])$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    return [*found, ("Dockerfile", json.loads(image))]


def parsed(unit: Path) -> configparser.ConfigParser:
    """A unit file, read as systemd reads it as far as we use it."""
    parser = configparser.ConfigParser(strict=True, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit.read_text())
    return parser


@pytest.mark.parametrize(("where", "words"), commands(), ids=[where for where, _ in commands()])
def test_every_command_exists_with_its_options(where: str, words: list[str]) -> None:
    name, *options = words[words.index("manage.py") + 1 :]
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    parser.parse_args([{"$PORT": "5000", "%i": "8001"}.get(one, one) for one in options])


def test_no_process_of_ours_runs_as_root_or_may_become_it() -> None:
    image = (DEPLOY / "Dockerfile").read_text()
    assert re.search(r"^USER (?!0|root)", image.rsplit("\nFROM ", 1)[1], re.MULTILINE)
    for name, service in OURS.items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
    for unit in UNITS:
        service = parsed(unit)["Service"]
        assert (service["User"], service["NoNewPrivileges"], service["Restart"]) == ("statusproj", "yes", "always")


def test_the_image_gets_all_it_copies_and_no_secret() -> None:
    image = (DEPLOY / "Dockerfile").read_text()
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    for source in re.findall(r"^COPY (?!--from)(\S+) ", image, re.MULTILINE):
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored, source
    for room in ("statusproj", "accounts", "ingest", "tasks", "notifications", "live"):
        assert f"\nCOPY {room} {room}\n" in image
    assert not re.search(r"ENV .*(?:SECRET|PASSWORD|TOKEN)", image)


def test_threads_have_no_arenas_of_their_own() -> None:
    assert "ENV MALLOC_ARENA_MAX=2" in (DEPLOY / "Dockerfile").read_text()
    units = list((DEPLOY / "systemd").glob("*.service"))
    assert units and all(re.search(r"^Environment=.*\bMALLOC_ARENA_MAX=2$", unit.read_text(), re.M) for unit in units)


def test_the_image_is_built_once_and_fetched_from_nowhere() -> None:
    assert [name for name, service in COMPOSE["services"].items() if "build" in service] == ["migrate"]
    assert {service["pull_policy"] for service in OURS.values()} == {"never"}
    # A first line `syntax=` would have the reader of the Dockerfile fetched before anything is built.
    assert "syntax=" not in (DEPLOY / "Dockerfile").read_text()


def test_the_proxy_stays_when_what_it_serves_is_replaced() -> None:
    # Compose replaces a service along with what it depends on: connections and certificates of a site would go with it.
    assert "depends_on" not in COMPOSE["services"]["proxy"]


def test_what_a_deployment_fills_in_is_not_committed() -> None:
    secrets = ["deploy/.env", *(f"deploy/{one['file']}".replace("/./", "/") for one in COMPOSE["secrets"].values())]
    assert secrets == ["deploy/.env", "deploy/metrics_token"]
    ignored = subprocess.run(["git", "check-ignore", *secrets], cwd=ROOT, capture_output=True, text=True)
    assert ignored.stdout.split() == secrets


def test_what_the_image_installs_is_what_was_tested() -> None:
    def pins(path: str) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==([^ ;\\]+)", (ROOT / path).read_text(), re.MULTILINE))

    runtime, tested = pins("deploy/requirements.lock"), pins("requirements.lock")
    assert runtime.items() <= tested.items(), "make lock"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["site"]]
    assert {re.split(r"[\[>=<]", one)[0] for one in listed} <= set(runtime)
    assert "pytest" not in runtime


def test_every_file_that_is_mounted_or_named_is_there() -> None:
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith("./") else source in COMPOSE["volumes"], volume
    text = (ROOT / "docs/deployment.md").read_text()
    for path in re.findall(r"deploy/[A-Za-z/_.-]*[A-Za-z]", text):
        assert (ROOT / path).exists() or path in {"deploy/.env", "deploy/metrics_token"}, path


@pytest.mark.parametrize("path", ["nginx/statusproj.conf", "caddy/Caddyfile"])
def test_proxies_hide_the_figures_and_name_the_request(path: str) -> None:
    text = (DEPLOY / path).read_text()
    assert re.search(r"/metrics \{\s+return 404;|respond /metrics 404", text)
    assert "X-Request-ID" in text
    assert len(re.findall("{", text)) == len(re.findall("}", text))
    if path.startswith("nginx"):
        assert "proxy_set_header Upgrade $http_upgrade;" in text
        assert "proxy_set_header X-Forwarded-Proto $scheme;" in text
