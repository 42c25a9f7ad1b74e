"""Talking with the person at the terminal, and stopping in a way that helps them."""

import getpass
import os
import sys


class Stop(Exception):
    """Ends the program with a message that says what to do. Nothing is half done because of it."""


def say(text=""):
    print(text, flush=True)


def step(text):
    """The next thing that is done."""
    say(f"\n==> {text}")


def interactive():
    """Whether there is somebody to ask. YES=1 is for programs, and for those in a hurry."""
    return sys.stdin.isatty() and os.environ.get("YES") != "1"


def confirm(question):
    """Goes on after a yes, or with YES=1; stops otherwise."""
    if os.environ.get("YES") == "1":
        return
    if not interactive():
        raise Stop(f"{question}\nThere is no terminal to answer at. YES=1 says yes.")
    if ask(f"{question} [y/N] ").lower() not in ("y", "yes"):
        raise Stop("Nothing more is done.")


def ask(question):
    try:
        return input(question).strip()
    except EOFError:
        raise Stop("\nNothing more is done.") from None


def ask_secret(question, rule, may_be_empty):
    """Asks twice without showing what is typed. None if nothing was typed, where that is allowed."""
    while True:
        value = getpass.getpass(f"{question}: ")
        if not value and may_be_empty:
            return None
        if complaint := rule(value):
            say(complaint)
        elif getpass.getpass("The same again: ") == value:
            return value
        else:
            say("Those were not the same.")


def chosen(by_function, otherwise):
    """What belongs to FUNCTION alone; `otherwise` where none is named."""
    function = os.environ.get("FUNCTION")
    if not function:
        return otherwise
    if function not in by_function:
        raise Stop(f"FUNCTION={function} is none of {', '.join(sorted(by_function))}")
    return {function: by_function[function]}


def minutes(default):
    """How long to wait, of WAIT_MINUTES."""
    text = os.environ.get("WAIT_MINUTES", "")
    try:
        return float(text) if text else default
    except ValueError:
        raise Stop(f"WAIT_MINUTES={text} is no number; an example is WAIT_MINUTES=45") from None
