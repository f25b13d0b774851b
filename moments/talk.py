"""How a verb talks: one JSON object or text on standard output, progress and faults on standard error, an exit status.

0 done; 1 the data or the configuration is wrong, or we are (then with the traceback); 2 usage, by the argument parser.
"""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console

from configs.errors import ManyFaultsError, MomentsError
from moments.progress import Progress

WIDTH = 120
"""Columns of a table that goes into a file or a pipe, where nobody knows the reader's window."""


class Talk:
    """One verb's conversation.

    With `as_json`, `say` is silent and `answer` is printed as one object at the end, also when the verb fails.
    """

    def __init__(self, verb: str, *, as_json: bool) -> None:
        self.as_json = as_json
        self.answer: dict[str, Any] = {"verb": verb}
        self.out = Console(highlight=False, soft_wrap=True)
        if not self.out.is_terminal:
            self.out.width = WIDTH
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)
        self.progress = Progress(self.err)
        self.failed = False

    def say(self, text: Any = "") -> None:
        """Text, or something that rich can render, for a person."""
        if not self.as_json:
            self.out.print(text)

    def print_answer(self) -> None:
        """The one object, where it was asked for."""
        if self.as_json:
            typer.echo(json.dumps(self.answer, indent=1, ensure_ascii=False, default=str))


@contextmanager
def talking(verb: str, *, as_json: bool) -> Iterator[Talk]:
    """A verb's whole life: opens the conversation, prints the answer, turns errors into messages and the exit status.

    Raises
    ------
    typer.Exit
        With status 1 after an error.
    """
    talk = Talk(verb, as_json=as_json)
    try:
        yield talk
    except MomentsError as error:
        talk.failed = True
        talk.answer["error"] = error_facts(error)
        _show(error, talk.err)
    except (typer.Exit, typer.BadParameter, KeyboardInterrupt):
        raise
    except Exception as error:
        if not as_json:
            raise
        talk.failed = True
        talk.answer["error"] = {"code": "internal", "what": f"{type(error).__name__}: {error}"}
        traceback.print_exc()
    talk.print_answer()
    if talk.failed:
        raise typer.Exit(1)


def error_facts(error: MomentsError) -> dict[str, Any]:
    """An error of ours as an object: code (its class), what, where, available, next; `errors` where there are several."""
    several = {"errors": [error_facts(one) for one in error.errors]} if isinstance(error, ManyFaultsError) else {}
    return several | {
        "code": re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).lower(),
        "what": error.what,
        "where": error.where,
        "available": error.available,
        "next": error.next_move,
    }


def _show(error: MomentsError, console: Console) -> None:
    if isinstance(error, ManyFaultsError):
        for one in error.errors:
            _show(one, console)
        return
    lines = [("error", error.what), ("where", error.where), ("available", error.available), ("next", error.next_move)]
    for name, text in lines:
        if text:
            console.print(f"[{'bold red' if name == 'error' else 'bold'}]{name:<10}[/]", end="")
            console.print(text, markup=False)
