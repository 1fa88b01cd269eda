"""`manage.py analyze` where nothing is started: what it refuses, and how it says so."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from ingest.models import Topic
from tasks.models import TaskRun

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two addresses, one of them twice, and a line that is none."""
    path = tmp_path / "list.txt"
    path.write_text("https://news.example/1\nnonsense\nhttps://news.example/2\nhttps://news.example/1\n")
    return path


def refused(*arguments: str, **options: Any) -> tuple[str, int]:
    """What the command says when it refuses, and its exit code."""
    with pytest.raises(CommandError) as error:
        call_command("analyze", *arguments, **options)
    assert not TaskRun.objects.exists()
    return str(error.value), error.value.returncode


def test_check_looks_and_starts_nothing(topic: Topic, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("analyze", str(file), topic="Energy", check=True, skip_invalid=True)
    assert "2 addresses to read, 1 repeated, 1 line cannot be used." in capsys.readouterr().err
    assert not TaskRun.objects.exists()
    words, code = refused(str(file), topic="Energy", check=True)
    assert code == 2
    assert "--skip-invalid" in words


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"topic": "Nothing"}, "“Energy”"),
        ({"topic": "Energy", "keyword": ["x"]}, "--topic or --keyword"),
        ({"keyword": ["-x"]}, "nothing to look for"),
        ({"keyword": ["?!"]}, "letters or digits"),
        ({"keyword": ["x"], "save": True}, "--save needs a --topic"),
        ({"keyword": ["x"], "user": "nobody"}, "no user nobody"),
        ({"topic": "Energy", "threshold": 2.0}, "--threshold"),
    ],
)
def test_it_says_what_is_wrong_with_an_option(topic: Topic, file: Path, options: dict[str, Any], said: str) -> None:
    words, code = refused(str(file), **options)
    assert said in words
    assert code == 1


def test_a_file_that_is_missing_empty_or_too_large_is_said_so(topic: Topic, owner: User, tmp_path: Path) -> None:
    assert "cannot be read: No such file" in refused(str(tmp_path / "none.txt"))[0]
    (tmp_path / "empty.txt").touch()
    assert refused(str(tmp_path / "empty.txt")) == ("There is no address to read.", 2)
    (tmp_path / "large.txt").write_bytes(b"#" * 5_000_001)
    assert "5 MB at most" in refused(str(tmp_path / "large.txt"))[0]
