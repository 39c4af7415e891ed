"""What the demo says at its end: how it went, and what to try next."""

from cadence.entrypoints.demo_calls import Calls
from cadence.entrypoints.demo_notes import DemoNotes
from cadence.entrypoints.demo_story import Told
from cadence.entrypoints.demo_terminal import Terminal

JSON = "-H 'Content-Type: application/json'"
AUTHORIZED = '-H "Authorization: Bearer $TOKEN"'
READ_TOKEN = "python3 -c 'import json, sys; print(json.load(sys.stdin)[\"token\"])'"  # noqa: S105


def show_ending(
    terminal: Terminal, calls: Calls, notes: DemoNotes, *, told: Told, stays: bool
) -> None:
    """Say how many answered and print lines that work when they are pasted into a shell."""
    score = f"{told.answered} of {told.asked} orchestrators answered"
    terminal.title(score, "with results of both plugins")
    where = "in another terminal" if stays else "once `make demo` keeps the service running"
    terminal.title("Try next", where)
    say = terminal.line
    say(f"  URL       {calls.base_url}  ({calls.base_url}/docs shows every call)")
    say(f"  username  {notes.username}")
    say(f"  password  {notes.password}")
    say("")
    say(f"URL={calls.base_url}/api")
    say(
        f"TOKEN=$(curl -s $URL/auth/login {JSON} "
        f'-d \'{{"username": "{notes.username}", "password": "{notes.password}"}}\' \\\n'
        f"  | {READ_TOKEN})"
    )
    say(f"curl -s $URL/orgs {AUTHORIZED}")
    say(
        f"curl -N $URL/orgs/{told.organization}/completion/stream {AUTHORIZED} \\\n"
        f'  {JSON} -d \'{{"instance_id": "{told.orchestrator}", '
        '"message": "Convert 26.2 miles to km"}\''
    )
