"""Webhooks: a notification as a signed POST to an address its reader named, as a run of the task system.

Signed as standardwebhooks.com describes: `webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over
`{webhook-id}.{webhook-timestamp}.{body}` with the secret's bytes. The id stays through all attempts, so that a receiver
can tell a repetition; anything but a 2xx is tried again with growing pauses, and 410 turns the webhook off.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx2
from channels.db import database_sync_to_async
from django.db import transaction
from django.tasks import task
from django.utils import timezone, translation
from django.utils.module_loading import import_string
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from live import tracing

from .conf import conf
from .deliveries import State, end, skip_settled, take_due
from .languages import in_language_of, language_of
from .models import NotificationDelivery, NotificationPreferences
from .models.preferences import SECRET_PREFIX
from .news import fields_of
from .types import Channel

if TYPE_CHECKING:
    from django.tasks import TaskContext

ATTEMPTS = 8  # half a minute after the first, doubling up to an hour: two hours in all
SECONDS = 15.0  # for one answer
LARGEST_ANSWER = 10_000  # bytes read of it, and thrown away
MOST_AT_ONCE = 100
HANDED_OVER = timedelta(days=1)  # longer than all attempts: the run has it, nobody else takes it up


class Unreachable(Exception):
    """A transport's refusal, in words that the webhook's owner may read."""


class Refused(Exception):
    """The receiver did not take it; the text says what it answered."""


def hand_over_due() -> int:
    """Enqueue a run for each webhook that is due; says how many."""
    handed = 0
    while rows := take_due(Channel.WEBHOOK, limit=MOST_AT_ONCE):
        with in_language_of(rows[0].user_id):  # all are one person's
            for row in skip_settled(rows):
                with transaction.atomic():
                    NotificationDelivery.objects.filter(pk=row.pk).update(due_at=timezone.now() + HANDED_OVER)
                    send_webhook.enqueue(delivery_id=row.pk)
                handed += 1
    return handed


@task(
    takes_context=True,
    title=_("Webhook"),
    max_attempts=ATTEMPTS,
    backoff=timedelta(seconds=30),
    timeout=timedelta(seconds=4 * SECONDS),
)  # type: ignore[call-overload]
async def send_webhook(context: "TaskContext[Any, Any]", delivery_id: int) -> dict[str, str]:
    """POST one delivery; raises Refused or Unreachable to be tried again."""
    # The run has no owner; what becomes of the delivery is read by whom it is for.
    with translation.override(await database_sync_to_async(_language_for)(delivery_id)):
        return await _send(context, delivery_id)


async def _send(context: "TaskContext[Any, Any]", delivery_id: int) -> dict[str, str]:
    found = await database_sync_to_async(_load)(delivery_id)
    if found is None:
        return {"outcome": "not needed any more"}
    delivery, url, secret, body = found
    try:
        status = await _post(url, body, signed(secret, f"msg_{delivery.pk}", int(time.time()), body))
        if not 200 <= status < 300 and status != 410:
            raise Refused(_answered(status))
    except (Refused, Unreachable) as trouble:
        await database_sync_to_async(_note_failure)(delivery, context.attempt, str(trouble))
        raise
    if status == 410:
        await database_sync_to_async(_turn_off)(delivery, url)
        return {"outcome": "turned off"}
    await database_sync_to_async(end)([delivery], State.SENT, _answered(status))
    return {"outcome": "sent"}


def _answered(status: int) -> str:
    return gettext("The receiver answered %(status)s.") % {"status": status}


def signed(secret: str, id: str, at: int, body: bytes) -> dict[str, str]:
    """The headers that prove to a receiver who sent `body`, and when (`at`: seconds since 1970)."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    digest = hmac.new(key, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


async def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """The status of the answer. Redirects are not followed: whoever moves says so in their preferences."""
    fixed = {"Content-Type": "application/json", "User-Agent": "statusproj webhooks"}
    timeout = httpx2.Timeout(SECONDS)
    try:
        async with (
            httpx2.AsyncClient(transport=_transport(), timeout=timeout, trust_env=False) as client,
            client.stream("POST", url, content=body, headers=fixed | headers | tracing.carrier()) as answer,
        ):
            read = 0
            async for chunk in answer.aiter_raw():
                read += len(chunk)
                if read > LARGEST_ANSWER:
                    break
            return answer.status_code
    except httpx2.InvalidURL:
        raise Unreachable(gettext("This is no address that can be opened.")) from None
    except httpx2.HTTPError as error:
        trouble = gettext("The receiver could not be reached (%(trouble)s).") % {"trouble": type(error).__name__}
        raise Unreachable(trouble) from None


def _transport() -> httpx2.AsyncBaseTransport | None:
    """What makes the connections: setting NOTIFICATIONS_TRANSPORT, a function without arguments."""
    path = conf.NOTIFICATIONS_TRANSPORT
    if not path:
        return None
    make: Callable[[], httpx2.AsyncBaseTransport] = import_string(path)
    return make()


def _language_for(delivery_id: int) -> str:
    rows = NotificationDelivery.objects.filter(pk=delivery_id)
    return language_of(rows.values_list("user_id", flat=True).first())


def _load(delivery_id: int) -> tuple[NotificationDelivery, str, str, bytes] | None:
    """The delivery, the address, the secret and the body; None when there is nothing to tell, or nobody to tell it."""
    row = (
        NotificationDelivery.objects.filter(pk=delivery_id, state=State.WAITING)
        .select_related("notification", "user")
        .first()
    )
    if row is None or not skip_settled([row]):
        return None
    preferences = NotificationPreferences.objects.filter(pk=row.user_id).exclude(webhook_url="").first()
    if preferences is None or not row.user.is_active:
        end([row], State.SKIPPED, gettext("There is no address to send it to."))
        return None
    body = json.dumps(_payload(row), ensure_ascii=False).encode()
    return row, preferences.webhook_url, preferences.webhook_secret, body


def _payload(delivery: NotificationDelivery) -> dict[str, Any]:
    notification = delivery.notification
    assert notification is not None  # noqa: S101 - skip_settled lets none pass
    fields = fields_of(notification)
    return {"type": f"notification.{notification.type}", "timestamp": fields["created_at"], "data": fields}


def _note_failure(delivery: NotificationDelivery, attempt: int, outcome: str) -> None:
    NotificationDelivery.objects.filter(pk=delivery.pk).update(attempts=attempt, outcome=outcome[:300])
    if attempt >= ATTEMPTS:
        end([delivery], State.FAILED, outcome)


def _turn_off(delivery: NotificationDelivery, url: str) -> None:
    with transaction.atomic():
        NotificationPreferences.objects.filter(pk=delivery.user_id, webhook_url=url).update(webhook_url="")
        end([delivery], State.FAILED, gettext("The receiver wants no more (410): the webhook is turned off."))
