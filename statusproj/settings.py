"""Settings of the project. Everything a deployment changes comes from the environment; see docs/settings.md."""

import json
import os
import secrets
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP

from statusproj.database_url import entry_of

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("DATA_DIR", BASE_DIR / ".data"))


def _flag(name: str, default: bool) -> bool:
    return os.environ.get(name, str(default)).strip().lower() in {"1", "true", "yes", "on"}


def _list(name: str, default: str) -> list[str]:
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


def _hours_by_task(name: str) -> dict[str, float]:
    """`{"app.jobs.nightly": 720}`: hours by dotted path of a task."""
    try:
        hours = {str(task): float(value) for task, value in json.loads(os.environ.get(name) or "{}").items()}
    except (ValueError, TypeError, AttributeError):
        hours = {"": -1.0}
    if not all(0 <= value < float("inf") for value in hours.values()):
        raise ImproperlyConfigured(f'{name} must say hours by task, as in {{"app.jobs.nightly": 720}}.')
    return hours


def _secret_key() -> str:
    """SECRET_KEY from the environment, else one made once for this data folder."""
    if key := os.environ.get("SECRET_KEY"):
        return key
    path = DATA_DIR / "secret_key"
    try:
        return path.read_text()
    except FileNotFoundError:
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        # "x": of two processes starting together one writes, the other reads what was written.
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(50))
        except FileExistsError:
            pass
        return path.read_text()


SECRET_KEY = _secret_key()
DEBUG = _flag("DEBUG", False)
ALLOWED_HOSTS = _list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
# Full origins (scheme and port included) whose pages may open sockets, besides the request's own host.
CSRF_TRUSTED_ORIGINS = _list("CSRF_TRUSTED_ORIGINS", "")

INSTALLED_APPS = [
    "statusproj",  # first: its templates are found before those they stand in for
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "django_htmx",
    "ninja",  # the files of /api/docs, and export_openapi_schema
    "procrastinate.contrib.django",
    "axes",
    "live",
    "notifications",
    "tasks",
    "ingest",
    "accounts",
]

MIDDLEWARE = [
    "statusproj.request_ids.request_id_middleware",  # first: what the others log belongs to the request as well
    "live.audit.asking_middleware",
    "statusproj.headers.headers_middleware",
    "statusproj.health.probes_middleware",  # early: who probes knows neither our name nor HTTPS
    "statusproj.tracing.tracing_middleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",  # above WhiteNoise: a drawing is a document too
    "statusproj.compression.CompressMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "statusproj.too_many.too_many_requests_middleware",
    "live.http.ApiErrorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.sessions.session_middleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "notifications.readers.reader_middleware",
]

# Room for ten thousand addresses in a form, or as JSON. Files have limits of their own where they are taken.
DATA_UPLOAD_MAX_MEMORY_SIZE = 6_000_000

ROOT_URLCONF = "statusproj.urls"
ASGI_APPLICATION = "statusproj.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "notifications.context_processors.bell",
            ],
        },
    },
]

DATABASES: dict[str, dict[str, Any]]
if url := os.environ.get("DATABASE_URL"):
    DATABASES = {"default": entry_of(url)}
else:
    DATABASES = {
        "default": {
            "ENGINE": "statusproj.embedded_postgres",
            "NAME": "statusproj",
            "USER": "postgres",
            "OPTIONS": {"data_dir": str(DATA_DIR)},
        }
    }
# A pool, not persistent connections: under ASGI each request has a thread of its own, which would not reuse them.
DATABASES["default"]["OPTIONS"]["pool"] = {
    "min_size": 1,
    "max_size": int(os.environ.get("DATABASE_POOL_SIZE", "20")),
    "timeout": 10,
    # By itself the pool waits longer and longer between attempts, up to minutes. So it gives up soon, and whoever needs
    # a connection then makes the next attempt: after an outage everything is back at once.
    "reconnect_timeout": 2,
}
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# How long a statement of `manage.py migrate` waits for its lock, and everybody behind it.
MIGRATE_LOCK_SECONDS = float(os.environ.get("MIGRATE_LOCK_SECONDS", "2"))
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = os.environ.get("REDIS_URL", "")
if REDIS_URL:
    CHANNEL_LAYERS = {
        "default": {
            # Not the core layer: that one drops the newest messages, the final one first (docs/decisions).
            "BACKEND": "live.redis_layer.RedisLayer",
            "CONFIG": {"hosts": [REDIS_URL]},
        }
    }
else:
    # One channel receives for all sockets of the process: what the layer allows by default would be a burst's loss.
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 2000}}}

TASKS = {
    "default": {
        "BACKEND": "tasks.backend.ProcrastinateBackend",
        "QUEUES": _list("TASKS_QUEUES", "default"),
    }
}
TASKS_MAX_CONCURRENT = int(os.environ.get("TASKS_MAX_CONCURRENT", "3"))
TASKS_GRACE_PERIOD = timedelta(seconds=float(os.environ.get("TASKS_GRACE_SECONDS", "5")))
TASKS_KEEP_HOURS = float(os.environ.get("TASKS_KEEP_HOURS", "168"))
TASKS_KEEP = _hours_by_task("TASKS_KEEP")
# The same for all workers: each judges the others by it.
TASKS_HEARTBEAT_SECONDS = float(os.environ.get("TASKS_HEARTBEAT_SECONDS", "2"))
TASKS_DEAD_AFTER_SECONDS = float(os.environ.get("TASKS_DEAD_AFTER_SECONDS", "8"))
if not 0 < 3 * TASKS_HEARTBEAT_SECONDS <= TASKS_DEAD_AFTER_SECONDS:
    raise ImproperlyConfigured(
        "TASKS_DEAD_AFTER_SECONDS must be at least three times TASKS_HEARTBEAT_SECONDS: a single late sign of life is "
        "no death."
    )
# Longer than a deploy takes: until then runs of a task that a worker does not know are left to one that does.
TASKS_UNKNOWN_SECONDS = float(os.environ.get("TASKS_UNKNOWN_SECONDS", "900"))
# Names of further secrets, beside those in tasks/secret_names.py.
TASKS_REDACT = _list("TASKS_REDACT", "")
TASKS_PRELOAD = ["ingest.preload"]  # what child processes find loaded
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = None
# Tasks that schedules may start, each with the function that starts it, or "" for plain enqueueing.
TASKS_SCHEDULABLE = {"ingest.jobs.collect": "ingest.jobs.start_scheduled"}
# Functions that every worker calls every so many seconds: each sees for itself whether something is due.
TASKS_CLOCKS = {
    "ingest.sources.schedule.start_due": 15.0,
    "ingest.telling.digest.send_due": 30.0,
    "accounts.upkeep.look": 600.0,
}

LIVE_RECONCILE_SECONDS = float(os.environ.get("LIVE_RECONCILE_SECONDS", "2.5"))
LIVE_MAX_AGE_SECONDS = float(os.environ.get("LIVE_MAX_AGE_SECONDS", "3600"))
LIVE_MAX_SOCKETS_PER_USER = int(os.environ.get("LIVE_MAX_SOCKETS_PER_USER", "50"))

# The address people reach this site by, for links in letters.
SITE_URL = os.environ.get("SITE_URL", "http://localhost:8000")
MAILERS: dict[str, dict[str, Any]]
if os.environ.get("EMAIL_HOST"):
    MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {
                "host": os.environ["EMAIL_HOST"],
                "port": int(os.environ.get("EMAIL_PORT", "587")),
                "username": os.environ.get("EMAIL_USER", ""),
                "password": os.environ.get("EMAIL_PASSWORD", ""),
                "use_tls": _flag("EMAIL_TLS", True),
                "timeout": 20,
            },
        }
    }
else:
    # Nobody has said which server takes letters: they are kept as files, to be looked at.
    MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "OPTIONS": {"file_path": str(DATA_DIR / "mail")},
        }
    }
DEFAULT_FROM_EMAIL = os.environ.get("EMAIL_FROM", "statusproj@localhost")

# Webhooks reach what fetches reach: a person's address must not lead into the private network.
NOTIFICATIONS_TRANSPORT = "ingest.telling.webhook_transport.make"
NOTIFICATIONS_KEEP_DAYS = float(os.environ.get("NOTIFICATIONS_KEEP_DAYS", "90"))
NOTIFICATIONS_STORM_LIMIT = int(os.environ.get("NOTIFICATIONS_STORM_LIMIT", "30"))

# The built-in news site of `demo` and `collect`, on loopback only.
DEMO_SITE_PORT = int(os.environ.get("DEMO_SITE_PORT", "8765"))
# host:port pairs that may be fetched although they are not public addresses.
INGEST_ALLOWED_HOSTS = _list("INGEST_ALLOWED_HOSTS", "")
# Who scores articles: "local", or "openai" for any endpoint that speaks its chat completions.
INGEST_ANALYZER = os.environ.get("INGEST_ANALYZER", "local").strip().lower()
INGEST_ANALYZER_URL = os.environ.get("INGEST_ANALYZER_URL", "https://api.openai.com/v1").strip()
INGEST_ANALYZER_MODEL = os.environ.get("INGEST_ANALYZER_MODEL", "").strip()
INGEST_ANALYZER_KEY = os.environ.get("INGEST_ANALYZER_KEY", "").strip()
INGEST_ANALYZER_SECONDS = float(os.environ.get("INGEST_ANALYZER_SECONDS", "20"))
INGEST_ANALYZER_CONCURRENT = int(os.environ.get("INGEST_ANALYZER_CONCURRENT", "3"))

# Passwords hashed otherwise until now are hashed by the first at the next sign-in.
PASSWORD_HASHERS = [f"django.contrib.auth.hashers.{name}PasswordHasher" for name in ("Argon2", "PBKDF2")]
AUTHENTICATION_BACKENDS = [
    "accounts.lockout.AddressBackend",
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
# So many wrong passwords for one name from one address, and that pair waits. Counted in the database, so by all
# processes together; see accounts/lockout.py.
AXES_FAILURE_LIMIT = int(os.environ.get("SIGN_IN_ATTEMPTS", "10"))
AXES_COOLOFF_TIME = timedelta(minutes=float(os.environ.get("SIGN_IN_LOCKOUT_MINUTES", "15")))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # the time that was told holds
AXES_LOCKOUT_CALLABLE = "accounts.lockout.locked_out"
AXES_CLIENT_IP_CALLABLE = "accounts.lockout.address_of"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
# How many proxies of ours add to X-Forwarded-For; 0: nobody's word for an address is taken.
TRUSTED_PROXIES = int(os.environ.get("TRUSTED_PROXIES", "0"))
# How often one account may do what costs others something; `sign-in`: wrong passwords from one address, for all names.
RATE_LIMITS = {
    "start": os.environ.get("RATE_LIMIT_START", "60/minute"),
    "control": os.environ.get("RATE_LIMIT_CONTROL", "120/minute"),
    "send": os.environ.get("RATE_LIMIT_SEND", "20/minute"),
    "import": os.environ.get("RATE_LIMIT_IMPORT", "20/minute"),
    "create": os.environ.get("RATE_LIMIT_CREATE", "60/minute"),
    "sign-in": os.environ.get("RATE_LIMIT_SIGN_IN", "100/hour"),
}
AUDIT_KEEP_DAYS = float(os.environ.get("AUDIT_KEEP_DAYS", "365"))
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "sign-in"

# Of who has chosen no language, and whose browser asks for none that is here.
LANGUAGE_CODE = os.environ.get("LANGUAGE_CODE", "en")
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("es", "Español")]
# Before what Django's admin says for the same English: "Save" is to have one translation on all our pages.
LOCALE_PATHS = [
    BASE_DIR / room / "locale" for room in ("statusproj", "accounts", "ingest", "tasks", "notifications", "live")
]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns of a folder that is not there
# Hashed, compressed copies once collectstatic has made them (a deployment); until then the source files. That command
# itself must write the list of them, which only the storage that makes them does.
_COLLECTED = (STATIC_ROOT / "staticfiles.json").exists() or "collectstatic" in sys.argv[1:2]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if _COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = True

SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
# Behind TLS (HTTPS=true) cookies and redirects become strict; a laptop on http://localhost keeps working without.
HTTPS = _flag("HTTPS", False)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
if HTTPS:
    # Browsers take a cookie so named only over TLS, for the whole site and from this very host: no neighbour under the
    # same domain can put one in its place.
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"
    LANGUAGE_COOKIE_NAME = "__Host-language"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"

# Who reads /metrics without signing in. Where a worker, which serves no pages, shows its own figures; 0 for nowhere.
METRICS_TOKEN = os.environ.get("METRICS_TOKEN", "").strip()
METRICS_HOST = os.environ.get("METRICS_HOST", "127.0.0.1")
METRICS_PORT = int(os.environ.get("METRICS_PORT") or 0)

LOG_LEVEL = os.environ.get("LOG_LEVEL", "WARNING")
LOG_FORMAT = os.environ.get("LOG_FORMAT", "line").strip().lower()
if LOG_FORMAT not in {"line", "json"}:
    raise ImproperlyConfigured(f"LOG_FORMAT is {LOG_FORMAT!r}; it is line (for people) or json (for machines).")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
        "json": {"()": "statusproj.log_lines.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {"django": {"level": LOG_LEVEL, "handlers": [], "propagate": True}},
}
