"""The report of an export: the stories for a person to read, in Markdown, with or without what was said."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

from edge_agent.cli.answers import compact
from edge_agent.cli.replay_telling import clock_time, lines, ran_with, since
from edge_agent.observe.records import ConfigurationRow
from edge_agent.observe.stories import Moment, Story

_WORDS: Final = frozenset({"heard", "or", "where", "taken as", "read", "model", "with"})
"""Lines of a story's head that hold somebody's words, and those that the report has elsewhere."""


def report(stories: Sequence[Story], starts: Sequence[ConfigurationRow], made_wall_ms: int, *, with_text: bool) -> str:
    """The whole page."""
    return "\n".join(_page(stories, starts, made_wall_ms, with_text=with_text)) + "\n"


def _page(
    stories: Sequence[Story], starts: Sequence[ConfigurationRow], made_wall_ms: int, *, with_text: bool
) -> Iterator[str]:
    yield "# Commands, as the node's journal has them"
    yield ""
    yield f"Made {clock_time(made_wall_ms)}. Times are the node's wall clock; those with a sign count from the"
    yield "command's receipt. `python verify.py` checks every file here against `manifest.json`, every entry against"
    yield "the one before it."
    if with_text:
        yield "**This page holds personal data**: what people said, where they stood and the names they are known by."
    else:
        yield "What people said was left out: digests stand in its place. Names of keys and robots are still in it."
    for start in starts:
        yield ""
        model = json.loads(start.model)
        sha256, epoch = model.get("sha256") or "not known", start.epoch
        yield f"Start {epoch} of the node, {clock_time(start.wall_ms)}: version {start.version}, model {model['file']}"
        yield f"(sha256 {sha256}); `versions-{epoch}.json`, `settings-{epoch}.json`."
    for story in stories:
        yield ""
        yield from _story(story, with_text=with_text)


def _story(story: Story, *, with_text: bool) -> Iterator[str]:
    command = story.command
    yield f"## {command.command_id}, {clock_time(command.received_wall_ms)}"
    yield ""
    yield f"- from {command.client}, request {command.request_id}"
    yield f"- for {command.robot}, time to live {command.ttl_ms} ms"
    for name, words, aside in lines(story):
        if with_text and name != "with":
            yield f"- {name}: {_code(words)}{f' ({aside})' if aside else ''}"
        elif name not in _WORDS:
            yield f"- {name}: {words}"
    ran = ", ".join(f"{name} {value}" for name, value in ran_with(story).items())
    yield f"- ran with: {ran or 'not known'}"
    for action in story.actions:
        content = json.loads(action.action)
        shown = compact(content if with_text else {"action": content.get("action")})
        yield f"- action {action.action_id}, tier {action.tier}: {_code(shown)}, sha256 {action.digest}"
    yield ""
    yield "| since receipt | entry | of | what | by | remark |"
    yield "|---:|---:|---|---|---|---|"
    for moment in story.moments:
        yield _row(story, moment, with_text=with_text)


def _row(story: Story, moment: Moment, *, with_text: bool) -> str:
    remark = moment.detail if with_text or moment.subject in {action.action_id for action in story.actions} else ""
    what = " ".join(moment.what.split())
    cells = (since(story, moment), str(moment.seq), moment.subject, what, moment.who, remark)
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(words: str) -> str:
    return words.replace("|", "/").replace("\n", " ")


def _code(words: str) -> str:
    """Words that were said, so that nothing in them is read as Markdown."""
    return f"``{words.replace('`', chr(39))}``"
