"""Webhooks go where fetches may go: to the public internet, and to what the settings name."""

import httpx2

from ingest.fetching.fetch import allowed_hosts
from ingest.fetching.guard import FetchError, GuardedTransport
from notifications.webhooks import Unreachable


class WebhookTransport(GuardedTransport):
    """The guarded transport; its refusals are told to the webhook's owner."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises Unreachable for an address that is not public."""
        try:
            return await super().handle_async_request(request)
        except FetchError as error:
            raise Unreachable(str(error)) from None


def make() -> WebhookTransport:
    """For the setting NOTIFICATIONS_TRANSPORT."""
    return WebhookTransport(allowed_hosts(), limits=httpx2.Limits(max_keepalive_connections=0))
