"""Files, of whatever bytes and names: each is understood or refused in words."""

import os
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.models import Topic
from tests.pages.reading import complaints, read

FUZZ = int(os.environ.get("FUZZ_EXAMPLES", "0"))

lines = st.lists(
    st.sampled_from(["https://news.example/1", "http://", "url,title", '"', "a\tb", "ä;ö"]) | st.text(max_size=30)
)
opml = st.text(max_size=60).map(lambda text: f'<opml version="2.0"><body><outline xmlUrl="{text}"/></body></opml>')
bombs = st.sampled_from(
    [
        '<!DOCTYPE o [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><opml><body><outline text="&b;"/></body></opml>',
        '<!DOCTYPE o SYSTEM "file:///etc/passwd"><opml/>',
        "<opml>" + "<outline>" * 500,
        "\x00",
        "\ufeffurl\nhttps://news.example/1",
    ]
)
contents = (
    st.binary(max_size=200)
    | (lines.map("\n".join) | opml | bombs).map(lambda text: text.encode("utf-8", "replace"))
    | lines.map("\n".join).map(lambda text: text.encode("utf-16"))
)
names = st.text(min_size=1, max_size=30) | st.sampled_from(
    ["feeds.opml", "list.csv", "../../etc/passwd", "x.txt", "a\0b"]
)
types = st.sampled_from(["text/plain", "text/csv", "text/x-opml", "application/octet-stream", "image/png", "nonsense"])


@pytest.mark.parametrize("where", ["bulk-analyze", "source-import", "api"])
def test_whatever_is_uploaded_is_understood_or_refused_in_words(
    owner: User, client_of: Callable[[User], Client], where: str
) -> None:
    topic = Topic.objects.create(owner=owner, name="Energy")
    client = client_of(owner)

    @settings(max_examples=FUZZ or 25, derandomize=not FUZZ, database=None)
    @given(content=contents, name=names, kind=types)
    def upload(content: bytes, name: str, kind: str) -> None:
        file = SimpleUploadedFile(name, content, content_type=kind)
        with transaction.atomic():
            match where:
                case "bulk-analyze":
                    answer = client.post(reverse(where), {"file": file, "topic": topic.pk, "text": ""})
                case "source-import":
                    answer = client.post(reverse(where, args=[topic.pk]), {"file": file})
                case _:
                    answer = client.post(
                        "/api/background-tasks/bulk-analysis/file",
                        {"file": file, "topic": "Energy", "keywords": "heat"},
                    )
            transaction.set_rollback(True)
        assert answer.status_code in {200, 202, 302, 400, 413, 422}, (answer.status_code, answer.content[:300])
        if where == "api":
            assert answer.status_code in {200, 202} or answer.json()["error"]["message"]
        elif answer.status_code != 302:
            assert complaints(read(answer.content)) == []

    upload()
