"""The page of a run in a tab, and what its connection is up to."""

from django.contrib.auth.models import User

from tasks.models import TaskRun
from tests.browser.tabs import Tab
from tests.tasks import functions
from tests.waiting import eventually

BANNER = "document.querySelector('#connection')"
SHOWN = f"!{BANNER}.hidden"
# When a socket was lost, when the banner came then, how often sockets were tried and answered.
OBSERVED = """
window.seen = {lost: 0, banner: 0, tries: 0, answers: 0};
document.addEventListener("htmx:wsClose", () => { seen.lost ||= performance.now(); });
document.addEventListener("htmx:wsConnecting", () => { seen.tries += 1; });
document.addEventListener("htmx:wsAfterMessage", (event) => {
  if (event.detail.message.includes("pong")) seen.answers += 1;
});
document.addEventListener("DOMContentLoaded", () => {
  const banner = document.querySelector("#connection");
  new MutationObserver(() => { if (seen.lost && !banner.hidden) seen.banner ||= performance.now(); })
    .observe(banner, {attributes: true, attributeFilter: ["hidden"]});
});
"""


def start(owner: User, gate: str = "") -> str:
    """A run that waits for `gate`, or else counts for longer than a test lasts. Returns its id."""
    task = functions.reporter if gate else functions.tick
    return str(task.using(owner=owner, title="Import").enqueue(gate or 20_000).id)


def finish(run: str, gate: str) -> None:
    """Let a run go and wait until the database says that it has completed."""
    functions.gate_file(gate).touch()
    eventually(TaskRun.objects.filter(pk=run, status="completed").exists, within=30, what="the run completes")


def watch(tab: Tab, run: str) -> None:
    """Open the page of a run and wait until it runs."""
    tab.page.add_init_script(OBSERVED)
    tab.open(f"/tasks/{run}/")
    tab.until(is_shown(run, "running"))


def is_shown(run: str, status: str) -> str:
    """JavaScript: does the page say that the run has this status?"""
    return f"document.querySelector('#run-{run}-status')?.dataset.status === '{status}'"


def is_open(tab: Tab) -> None:
    """Wait until both sockets of the page have answered."""
    tab.until("seen.answers >= 2")


def asked_in_ten_minutes(tab: Tab) -> set[str]:
    """Ten minutes go by for the page: which addresses does it ask for, sockets among them?"""
    asked: set[str] = set()
    tab.page.on("request", lambda request: asked.add(request.url.removeprefix(tab.url)))
    tab.page.on("websocket", lambda socket: asked.add(socket.url.partition("?")[0]))
    tab.page.clock.run_for(600_000)
    tab.page.evaluate("() => fetch('/healthz').then((answer) => answer.text())")  # whatever was asked, was asked before
    return asked - {"/healthz"}
