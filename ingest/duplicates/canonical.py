"""One address for one page: what two links must share to be the same article."""

import re
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

_TRACKING = re.compile(
    r"(?i)^(utm_\w+|mtm_\w+|pk_\w+|fbclid|gclid|dclid|msclkid|yclid|igshid|mc_cid|mc_eid|_hsenc|_hsmi|ref_src"
    r"|at_medium|at_campaign)$"
)
_HOSTS_OF_ONE_SITE = re.compile(r"^(www|m|mobile|amp)\.(?=[^.]+\.)")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def canonical_url(url: str) -> str:
    """`url` without fragment, tracking parameters and default port, host in lower case.

    http and https count as one page, and so do `/story` and `/story/`. Raises ValueError for what is no web
    address.
    """
    parts = urlsplit(url.strip())
    scheme = parts.scheme.lower()
    host = (parts.hostname or "").rstrip(".")
    if scheme not in _DEFAULT_PORTS or not host:
        raise ValueError("not a web address")
    if ":" in host:
        host = f"[{host}]"
    if parts.port is not None and parts.port != _DEFAULT_PORTS[scheme]:
        host = f"{host}:{parts.port}"
    query = urlencode([pair for pair in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.match(pair[0])])
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._").rstrip("/") or "/"
    return urlunsplit(("https", host, path, query, ""))


def host_of(url: str) -> str:
    """The host in an address, in lower case; nothing for one that cannot be read."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_same_site(one: str, other: str) -> bool:
    """Do both addresses belong to one site? The same host, or one within the other, `www.` and its like aside."""
    first, second = (_HOSTS_OF_ONE_SITE.sub("", urlsplit(url).netloc) for url in (one, other))
    return bool(first and second) and (first == second or first.endswith(f".{second}") or second.endswith(f".{first}"))
