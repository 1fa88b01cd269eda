"""The audit trail: who did what, when, from where, by which session or token; kept with the deed, and never changed."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts import tokens
from accounts.audit import retention
from accounts.audit.words import ACTIONS
from accounts.models import ApiToken, AuditEntry, UserSession
from accounts.scopes import Scope
from ingest.admin import AlertRuleAdmin, CollectPreferencesAdmin, TopicAdmin
from ingest.models import AlertRule, CollectPreferences, Topic
from live import audit
from notifications.preferences import save_preferences
from tasks import lifecycle, schedules
from tasks.models import TaskRun
from tasks.schedules import Plan
from tests.pages.reading import page, queries_to_render, read
from tests.servers import ROOT
from tests.tasks.runs import ADD, make_run, make_run_in

AUDITED = (AlertRuleAdmin, CollectPreferencesAdmin, TopicAdmin)
ROOMS = ("live", "notifications", "tasks", "ingest", "accounts", "statusproj")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

type ClientOf = Callable[[User], Client]

pytestmark = pytest.mark.django_db


def kept(*actions: str) -> list[AuditEntry]:
    """Entries of these actions, oldest first; without, all."""
    found = AuditEntry.objects.order_by("id")
    return list(found.filter(action__in=actions) if actions else found)


def test_a_cancelled_run_says_who_when_from_where_and_on_what_device(owner: User, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 1
    client = Client(headers={"User-Agent": FIREFOX, "X-Forwarded-For": "203.0.113.9", "X-Request-ID": "request-0815"})
    client.force_login(owner)
    UserSession.objects.update(agent=FIREFOX)  # a test signs in without a browser
    run = make_run(owner)
    client.post(f"/tasks/{run.pk}/cancel/")
    [entry] = kept("run.cancelled")
    assert (entry.actor_id, entry.actor_name) == (owner.pk, "owner")
    assert (entry.thing_id, entry.thing_name) == (str(run.pk), run.name)
    assert (entry.via, entry.address, entry.request_id) == ("page", "203.0.113.9", "request-0815")
    assert (entry.session_id, entry.credential) == (UserSession.objects.get().pk, "Firefox on Linux")
    assert abs((timezone.now() - entry.at).total_seconds()) < 60


def test_what_a_token_did_names_the_token(owner: User) -> None:
    token, secret = tokens.create(owner, name="Nightly script", scopes=[Scope.WRITE], expires_at=None)
    run = make_run_in("failed", owner)
    Client(headers={"Authorization": f"Bearer {secret}"}).post(f"/api/background-tasks/task/{run.pk}/retry")
    [entry] = kept("run.retried")
    assert (entry.via, entry.token_id, entry.credential, entry.session_id) == ("api", token.pk, "Nightly script", None)
    assert entry.details["new_run"] == str(TaskRun.objects.get(retry_of=run.pk).pk)
    assert secret not in str(list(AuditEntry.objects.values()))


def test_asking_twice_is_one_deed(owner: User) -> None:
    run = make_run_in("running", owner)
    for _ in range(2):
        lifecycle.cancel(run, by=owner)
    [entry] = kept("run.cancelled")
    assert (entry.actor_name, entry.via) == ("owner", "terminal")


def test_what_the_machinery_does_by_itself_is_nobodys_deed(owner: User) -> None:
    run = make_run_in("running", owner)
    lifecycle.rescue(run)
    assert kept() == [] or {entry.action for entry in kept()} == {"account.created"}


def test_a_run_that_somebody_starts_is_kept(owner: User, client_of: ClientOf) -> None:
    topic = Topic.objects.create(owner=owner, name="Energy")
    client_of(owner).post(f"/keyword-alerts/{topic.pk}/collect/")
    [entry] = kept("run.started")
    assert entry.thing_id == str(TaskRun.objects.get().pk) and entry.actor_name == "owner"


# What changed


def test_a_changed_schedule_shows_before_and_now(owner: User, staff: User, client_of: ClientOf, settings: Any) -> None:
    settings.TASKS_SCHEDULABLE = {ADD: ""}
    plan = Plan(name="Nightly", task=ADD, kwargs={"a": 1, "b": 2}, owner_id=owner.pk, cron="0 6 * * *")
    schedule = schedules.create(plan)
    said = {"cron": "0 7 * * *", "kwargs": {"a": 1, "b": 3}}
    address = f"/api/background-tasks/schedules/{schedule.pk}"
    assert client_of(staff).patch(address, said, "application/json").status_code == 200
    [entry] = kept("schedule.changed")
    assert entry.changes["cron"] == ["0 6 * * *", "0 7 * * *"]
    assert entry.changes["kwargs"] == [{"a": 1, "b": 2}, {"a": 1, "b": 3}]
    assert (entry.actor_name, entry.thing_name) == ("staff", "Nightly")
    assert client_of(staff).patch(address, said, "application/json").status_code == 200
    assert len(kept("schedule.changed")) == 1  # nothing changed the second time
    client_of(owner).post(f"{address}/disable")
    client_of(owner).post(f"{address}/run")
    client_of(staff).delete(address)
    assert [entry.actor_name for entry in kept("schedule.disabled", "schedule.started", "schedule.deleted")] == [
        "owner", "owner", "staff",
    ]  # fmt: skip


def test_a_topic_its_rules_and_its_sources_are_followed_from_beginning_to_end(owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)
    said = {"name": "Wind", "include": ["turbine"]}
    topic_id = client.post("/api/auto-ingest/topics", said, "application/json").json()["topic"]["topic_id"]
    change = {"topic_id": topic_id, "name": "Sun", "include": ["panel"], "relevance_threshold": 0.9}
    client.patch("/api/auto-ingest/config", change, "application/json")
    source = {"topic_id": topic_id, "url": "https://news.example/feed"}
    source_id = client.post("/api/auto-ingest/sources", source, "application/json").json()["source"]["id"]
    client.patch(f"/api/auto-ingest/sources/{source_id}", {"title": "News"}, "application/json")
    client.delete(f"/api/auto-ingest/sources/{source_id}")
    rule = {"topic_id": topic_id, "phrase": "storm"}
    rule_id = client.post("/api/auto-ingest/alert-rules", rule, "application/json").json()["alert_rule"]["id"]
    client.delete(f"/api/auto-ingest/alert-rules/{rule_id}")
    client.delete(f"/api/auto-ingest/topics/{topic_id}")
    entries = [entry for entry in kept() if not entry.action.startswith("account")]
    assert [entry.action for entry in entries] == [
        "topic.created", "topic.keywords_changed", "topic.keywords_changed", "topic.changed",
        "source.added", "source.changed", "source.deleted", "alert_rule.created", "alert_rule.deleted", "topic.deleted",
    ]  # fmt: skip
    assert entries[2].changes == {"include": [["turbine"], ["panel"]]}
    assert entries[3].changes["name"] == ["Wind", "Sun"] and entries[3].changes["relevance_threshold"][1] == 0.9
    assert entries[5].changes == {"title": ["", "News"]}
    assert {entry.actor_name for entry in entries} == {"owner"}


def filled(page: Any) -> dict[str, str]:
    """What a page of the admin would send as it stands."""
    forms = [page.context["adminform"].form]
    for inline in page.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    values = {bound.html_name: bound.value() for form in forms for bound in form}
    return {name: str(value) for name, value in values.items() if value not in (None, "") and value is not False}


def test_edits_in_the_admin_leave_the_entries_that_edits_on_pages_leave(owner: User, client_of: ClientOf) -> None:
    root = User.objects.create_superuser("root")
    client, add = client_of(root), "/admin/ingest/topic/add/"

    def post(address: str, **changes: str) -> Topic:
        answer = client.post(address, filled(client.get(address)) | changes)
        assert answer.status_code == 302, answer.context["errors"]
        return Topic.objects.get()

    turbine = {"keywords-0-phrase": "turbine", "keywords-0-kind": "include", "keywords-0-field": "any"}
    topic = post(add, name="Wind", owner=str(owner.pk), **turbine)
    change = f"/admin/ingest/topic/{topic.pk}/change/"
    rule = {"alert_rules-TOTAL_FORMS": "1", "alert_rules-0-phrase": "storm", "alert_rules-0-minimum_relevance": "0.5"}
    post(change, name="Sun", **{"keywords-0-phrase": "panel"}, **rule, **{"alert_rules-0-topic": str(topic.pk)})
    post(change, **{"alert_rules-0-phrase": "gale"})
    post(change, **{"alert_rules-0-DELETE": "on"})
    lone = AlertRule.objects.create(topic=topic, phrase="calm")
    client.post(f"/admin/ingest/alertrule/{lone.pk}/delete/", {"post": "yes"})
    wishes = CollectPreferences.objects.create(owner=owner)
    chosen = {"action": "delete_selected", "_selected_action": str(wishes.pk), "post": "yes"}
    client.post("/admin/ingest/collectpreferences/", chosen)
    entries = [entry for entry in kept() if not entry.action.startswith("account")]
    assert [entry.action for entry in entries] == [
        "topic.created", "topic.keywords_changed", "topic.changed", "topic.keywords_changed", "alert_rule.created",
        "alert_rule.changed", "alert_rule.deleted", "alert_rule.deleted", "collecting.deleted",
    ]  # fmt: skip
    assert entries[2].changes == {"name": ["Wind", "Sun"]}
    assert entries[3].changes == {"include": [["turbine"], ["panel"]]}
    assert {(entry.actor_name, entry.via) for entry in entries} == {("root", "admin")}
    assert all(entry.thing_id for entry in entries)


def test_secrets_of_a_webhook_are_not_written_down(owner: User) -> None:
    save_preferences(owner, webhook_url="https://hooks.example/x?token=s3cret-word", daily_at=9)
    [entry] = kept("preferences.changed")
    assert entry.changes["daily_at"][1] == 9
    assert "s3cret-word" not in str(entry.changes)


def test_values_under_secret_names_and_secrets_in_texts_are_hidden(owner: User) -> None:
    changes = {"api_key": ("a1", "b2"), "note": ("", "password=c3"), "kwargs": ({}, {"token": "d4", "deep": ["e5"]})}
    audit.record("schedule.changed", "x", changes=changes, webhook_secret="f6", long="x" * 9999)
    [entry] = kept("schedule.changed")
    assert entry.changes["api_key"] == ["***", "***"] and entry.changes["kwargs"][1] == {"token": "***", "deep": ["e5"]}
    assert not re.search("a1|b2|c3|d4|f6", str([entry.changes, entry.details]))
    assert len(entry.details["long"]) == 2000


def test_queues_broadcasts_and_cleaning_up_are_kept(staff: User, client_of: ClientOf) -> None:
    client = client_of(staff)
    client.post("/api/background-tasks/queues/default/pause")
    client.post("/api/background-tasks/queues/default/resume")
    said = {"everyone": True, "title": "Maintenance", "message": "m"}
    client.post("/api/notifications", said, "application/json")
    client.post("/api/background-tasks/cleanup?max_age_hours=48")
    entries = kept("queue.paused", "queue.resumed", "notification.sent", "runs.purged")
    assert [entry.thing_name for entry in entries] == ["default", "default", "Maintenance", ""]
    assert entries[2].details == {"number": 1, "title": "Maintenance", "everyone": True}
    assert entries[3].details["older_than_hours"] == 48


# Accounts


def test_signing_in_failing_to_and_being_locked_out_are_kept(owner: User, settings: Settings) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    client = Client(REMOTE_ADDR="192.0.2.1")
    client.post("/sign-in/", {"username": "owner", "password": "correct horse"})
    client.post("/sign-out/")
    for _ in range(3):
        client.post("/sign-in/", {"username": "owner", "password": "wrong-typo"})
    client.post("/sign-in/", {"username": "my-pass-phrase", "password": "owner"})
    about = [entry for entry in kept() if entry.action != "account.created"]
    assert [entry.action.partition(".")[2] for entry in about] == [
        "signed_in", "signed_out", "sign_in_failed", "locked_out", "sign_in_failed", "sign_in_failed",
    ]  # fmt: skip
    assert {entry.account_id for entry in about[:-1]} == {owner.pk}
    assert (about[-1].account_id, about[-1].thing_name) == (None, "")  # what was typed for a name may be a password
    assert {entry.address for entry in about} == {"192.0.2.1"}
    assert [entry.session_id is not None for entry in about[:2]] == [True, True]
    assert "wrong-typo" not in str(list(AuditEntry.objects.values()))


def test_tokens_sessions_and_passwords_are_kept(owner: User, client_of: ClientOf) -> None:
    client, elsewhere = client_of(owner), client_of(owner)
    for each in (client, elsewhere):
        each.get("/")
    client.post("/profile/tokens/", {"name": "Phone", "scopes": ["read"], "days": "30"})
    client.post(f"/profile/tokens/{ApiToken.objects.get().pk}/revoke/")
    client.post("/profile/sessions/end-others/")
    new = "other correct horse"
    said = {"old_password": "correct horse", "new_password1": new, "new_password2": new}
    assert client.post("/profile/password/", said).status_code == 302
    client.post("/profile/", {"first_name": "Ann", "email": "ann@example.com", "time_zone": "UTC"})
    about = AuditEntry.objects.about(owner.pk).exclude(action__in=["account.created", "account.signed_in"])
    assert [entry.action for entry in about.order_by("id")] == [
        "token.created", "token.revoked", "session.ended", "account.password_changed", "account.changed",
    ]  # fmt: skip
    changed = about.get(action="account.changed").changes
    assert changed == {"first_name": ["", "Ann"], "email": ["", "ann@example.com"]}
    assert new not in str(list(AuditEntry.objects.values()))


def test_what_administrators_do_with_accounts_is_kept(owner: User, client_of: ClientOf) -> None:
    root = User.objects.create_superuser("root")
    group = Group.objects.create(name="Editors")
    owner.groups.add(group)
    client_of(root).post("/admin/auth/user/" + f"{owner.pk}/delete/", {"post": "yes"})
    given, gone = kept("account.rights_changed", "account.deleted")
    assert given.details == {"groups_added": ["Editors"]} and given.account_id == owner.pk
    assert (gone.actor_name, gone.thing_name, gone.via) == ("root", "owner", "admin")


def test_renewing_a_hash_at_sign_in_is_no_new_password(owner: User, settings: Settings) -> None:
    settings.PASSWORD_HASHERS = settings.PASSWORD_HASHERS[::-1]
    assert Client().post("/sign-in/", {"username": "owner", "password": "correct horse"}).status_code == 302
    assert kept("account.password_changed") == []


# Reading


def test_the_list_finds_by_who_what_when_and_where(owner: User, staff: User, client_of: ClientOf) -> None:
    run = make_run(owner)
    Client(REMOTE_ADDR="192.0.2.7").post("/sign-in/", {"username": "owner", "password": "correct horse"})
    lifecycle.cancel(run, by=owner)
    client = client_of(staff)

    def found(**asked: str) -> list[str]:
        answer = client.get("/api/audit/entries", asked)
        assert answer.status_code == 200, answer.content
        return [entry["action"] for entry in answer.json()["entries"]]

    assert found(who="owner") == ["run.cancelled", "account.signed_in"]
    assert found(action="run") == found(action="run.cancelled") == found(thing=str(run.pk)) == ["run.cancelled"]
    assert found(thing=f"run:{run.pk}") == ["run.cancelled"] and found(thing=f"topic:{run.pk}") == []
    assert found(address="192.0.2.7") == ["account.signed_in"]
    assert found(who="owner", since="2999-01-01T00:00:00Z") == found(until="1999-01-01") == found(who="nobody") == []
    shown = page(client, f"/audit/?thing={run.pk}")
    [article] = shown.all("article")
    assert "Run cancelled" in article.text and "by owner" in article.text and "Terminal" in article.text


@pytest.mark.parametrize(
    "asked", [{"since": "yesterday"}, {"address": "localhost"}, {"who": "\x00"}, {"cursor": "x"}, {"until": "1-1-1"}]
)
def test_what_cannot_be_used_is_said_and_never_means_everything(
    staff: User, client_of: ClientOf, asked: dict[str, str]
) -> None:
    assert client_of(staff).get("/api/audit/entries", asked).status_code == 422
    if "cursor" not in asked:
        answer = client_of(staff).get("/audit/", asked)
        assert answer.status_code == 422 and not read(answer.content).all("article")


def test_pages_go_on_where_the_last_one_ended_and_cost_the_same(staff: User, client_of: ClientOf) -> None:
    client = client_of(staff)
    AuditEntry.objects.bulk_create(AuditEntry(action="run.cancelled", via="page", thing_id=str(n)) for n in range(120))
    seen, cursor = [], ""
    while cursor is not None:
        answer = client.get("/api/audit/entries", {"action": "run.cancelled", "cursor": cursor}).json()
        seen += [entry["thing"] for entry in answer["entries"]]
        cursor = answer["next_cursor"]
    assert seen == [str(n) for n in reversed(range(120))]
    first = page(client, "/audit/")
    assert len(first.all("article")) == 50
    assert len(page(client, first.one("a", rel="next").attrs["href"]).all("article")) == 50
    assert queries_to_render(client, "/audit/") < 15


def test_everybody_sees_what_was_done_with_their_own_account_and_only_that(
    owner: User, stranger: User, client_of: ClientOf
) -> None:
    Client(REMOTE_ADDR="192.0.2.7").post("/sign-in/", {"username": "owner", "password": "wrong"})
    lifecycle.cancel(make_run(owner), by=owner)
    mine = page(client_of(owner), "/profile/sessions/").one(aria_labelledby="lately-heading").text
    assert "Wrong password" in mine and "192.0.2.7" in mine and "Run cancelled" not in mine
    assert "192.0.2.7" not in page(client_of(stranger), "/profile/sessions/").text


def test_the_list_is_for_staff_who_may_view_it(owner: User, client_of: ClientOf) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    for user in (owner, clerk):
        assert client_of(user).get("/audit/").status_code == 403
        assert client_of(user).get("/api/audit/entries").status_code == 403


# Kept for good, and with the deed


def test_rolled_back_and_neither_happened(owner: User) -> None:
    run = make_run(owner)
    with pytest.raises(RuntimeError), transaction.atomic():
        lifecycle.cancel(run, by=owner)
        raise RuntimeError
    assert kept("run.cancelled") == []


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_may_be_recorded(owner: User) -> None:
    with pytest.raises(RuntimeError, match=r"run\.cancelled"):
        audit.record("run.cancelled", "x")


def test_no_entry_is_changed_or_deleted_by_the_orm(owner: User) -> None:
    [entry] = kept()
    every = AuditEntry.objects.all()
    for forbidden in (entry.save, entry.delete, every.delete, lambda: every.update(via="api")):
        with pytest.raises(TypeError, match="append-only"):
            forbidden()


@pytest.mark.parametrize("statement", ["UPDATE audit_entries SET action = 'x'", "DELETE FROM audit_entries"])
def test_no_entry_is_changed_or_deleted_by_sql(owner: User, statement: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert len(kept()) == 1


def test_only_age_deletes(owner: User, settings: Settings) -> None:
    AuditEntry.objects.create(action="run.cancelled", via="page", at=timezone.now() - timedelta(days=8))
    settings.AUDIT_KEEP_DAYS = 0
    assert retention.delete_old() == 0
    settings.AUDIT_KEEP_DAYS = 7
    assert retention.delete_old() == 1
    assert [entry.action for entry in kept()] == ["account.created"]
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_entries")


def test_every_action_that_code_records_has_words() -> None:
    code = "\n".join(path.read_text() for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    told = r'(?:audit\.record|audit\.changing|_record|Deed|_of_a_name)\(\s*(?:action=)?f?"([a-z_]+\.[a-z_]+)"'
    recorded = set(re.findall(told, code)) | {"account.rights_changed", "group.rights_changed"}
    recorded |= {f"{admin.word}.{deed}" for admin in AUDITED for deed in ("created", "changed", "deleted")}
    assert len(recorded) > 35 and recorded == ACTIONS.keys()
