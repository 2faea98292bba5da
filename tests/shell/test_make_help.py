"""make help: the verbs and variables, made from the Makefile itself."""

from __future__ import annotations

import re

from shell_checkout import SOURCE, Checkout

VERBS = [
    "setup", "train", "play", "export", "sim2sim", "evaluate", "runs", "tasks", "tensorboard", "doctor", "fix",
    "explain", "check-config", "convert", "bundle", "clean-caches", "uninstall", "test", "lint",
]  # fmt: skip


def test_help_is_the_default_goal_and_needs_only_make_and_awk(checkout: Checkout) -> None:
    for tool in checkout.bin.iterdir():
        if tool.name not in ("make", "awk"):
            tool.unlink()
    alone = checkout.make()
    assert alone.returncode == 0, alone.stderr
    assert alone.stdout == checkout.make("help").stdout


def test_help_lists_every_verb_in_its_group(checkout: Checkout) -> None:
    text = checkout.make("help").stdout
    listed = re.findall(r"^  ([a-z0-9-]+) +\S", text, re.MULTILINE)
    assert listed == VERBS
    groups = [line for line in text.splitlines() if re.fullmatch(r"[A-Za-z_]+", line)]
    assert groups == ["Start", "Deploy", "Look", "Trouble", "rsl_rl", "Workstation", "Project"]


def test_help_lists_every_variable_with_its_default(checkout: Checkout) -> None:
    makefile = (SOURCE / "Makefile").read_text(encoding="utf-8")
    variables = re.findall(r"^([A-Z_]+) +[:?]= *(.*?) *## (.*)$", makefile, re.MULTILINE)
    lines = [line.split() for line in checkout.make("help").stdout.splitlines()]
    assert len(variables) > 20
    for name, default, text in variables:
        assert [name, *default.split(), *text.split()] in lines


def test_help_fits_a_terminal(checkout: Checkout) -> None:
    assert max(map(len, checkout.make("help").stdout.splitlines())) <= 100


def test_every_verb_has_one_line_that_calls_the_launcher(checkout: Checkout) -> None:
    for verb in VERBS:
        assert checkout.make("-n", verb, "NAME=a b; $(HOME)").stdout == f"scripts/launch.sh {verb}\n"
