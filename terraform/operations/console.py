"""Output, prompts and errors at the terminal."""

import getpass
import os
import sys


class CommandError(Exception):
    """Ends the command with a message that tells the user what to do."""


def say(text=""):
    print(text, flush=True)


def heading(text):
    say(f"\n==> {text}")


def interactive():
    """Whether questions can be asked. YES=1 disables them, for scripts."""
    # Python has no sys.stdin when it is started with that descriptor closed.
    return sys.stdin is not None and sys.stdin.isatty() and os.environ.get("YES") != "1"


def confirm(question):
    """Returns after a yes, or with YES=1; raises CommandError otherwise."""
    if os.environ.get("YES") == "1":
        return
    if not interactive():
        raise CommandError(f"{question}\nThere is no terminal to ask at. Set YES=1 to answer yes.")
    if prompt(f"{question} [y/N] ").lower() not in ("y", "yes"):
        raise CommandError("Cancelled.")


def prompt(question):
    try:
        return input(question).strip()
    except EOFError:
        raise CommandError("\nCancelled.") from None


def prompt_secret(question, validate, optional):
    """Asks twice without echo. `validate` returns an error message or None. Returns None for empty
    input if `optional`."""
    while True:
        value = getpass.getpass(f"{question}: ")
        if not value and optional:
            return None
        if error := validate(value):
            say(error)
        elif getpass.getpass("Repeat: ") == value:
            return value
        else:
            say("The two entries differ.")


def select_function(by_function, default):
    """The entry that FUNCTION names, as a map; `default` if FUNCTION is not set."""
    function = os.environ.get("FUNCTION")
    if not function:
        return default
    if function not in by_function:
        raise CommandError(f"Invalid FUNCTION={function}: expected one of {', '.join(sorted(by_function))}")
    return {function: by_function[function]}


def timeout_minutes(default):
    """The value of WAIT_MINUTES."""
    text = os.environ.get("WAIT_MINUTES", "")
    try:
        return float(text) if text else default
    except ValueError:
        raise CommandError(f"Invalid WAIT_MINUTES={text}: expected a number, for example WAIT_MINUTES=45") from None
