"""Takes out of a text what nobody else should read: the user, the machine, and secrets."""

from __future__ import annotations

import os
import re
from typing import Mapping

from finding import Place

SECRET = r"(?:token|secret|passw(?:or)?d|credential|api_?key|access_?key)"
SECRETS = (
    (re.compile(rf"(?i)([\w-]{{0,40}}{SECRET}[\w-]{{0,40}}[\"']?\s?[=:]\s?[\"']?)[^\s\"'|,;]+"), r"\1<secret>"),
    (re.compile(r"(://)[^/\s@]{1,200}@"), r"\1<secret>@"),
    (re.compile(r"\b(?:gh[pousr]_|github_pat_|hf_|glpat-|nvapi-|xox[abp]-|sk-)[\w-]{8,}"), "<secret>"),
    # a commit is as long as an account's key of wandb; its beginning still says which it is
    (re.compile(r"\b([0-9a-f]{7})[0-9a-f]{33}\b"), r"\1"),
)
HOMES = re.compile(r"(/home/|/Users/|/media/)([^/\s'\"`:]+)")


def anonymous(text: str, place: Place) -> str:
    """A text without home folders, names of user and machine, and what looks like a secret."""
    for value in sorted(secret_values(place.env), key=len, reverse=True):
        text = text.replace(value, "<secret>")
    for pattern, instead in SECRETS:
        text = pattern.sub(instead, text)
    text = text.replace(str(place.home) + os.sep, "~/").replace(str(place.home), "~")
    text = HOMES.sub(r"\1<user>", text)
    for name in names_of(place):
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "<name>", text)
    return text


def secret_values(env: Mapping[str, str]) -> list[str]:
    """Values of variables whose name says that they are secret."""
    secret = re.compile(r"(?i)token|secret|passw|credential|key$")
    return [value for name, value in env.items() if secret.search(name) and len(value) >= 6]


def names_of(place: Place) -> list[str]:
    """The user and the machine, longest first, where their names say something."""
    try:
        host = (place.system / "etc/hostname").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        host = ""
    names = {place.env.get("USER", ""), place.env.get("LOGNAME", ""), place.home.name, host}
    return sorted((name for name in names if len(name) > 2 and name not in ("root", "home", "user")), key=len)[::-1]
