"""One pass over a log: what is found, on which line, and that no input makes it slow."""

from __future__ import annotations

import io
import os
import random
import re
import threading
import time

import pytest

import catalogue
import patterns
import scan
from catalogue import Entry
from tracebacks import HEAD

CATALOGUE = catalogue.read()
PATTERNS = {
    f"{entry.id}: {kind}": pattern
    for entry in CATALOGUE.values()
    for kind in ("signature", "only_with", "not_with")
    if (pattern := getattr(entry, kind))
}


def entry(signature: str, name: str = "it", role: str = "root", **more: str) -> Entry:
    compiled = {key: re.compile(value) for key, value in more.items()}
    return Entry(id=name, group="g", title="t", role=role, signature=re.compile(signature), **compiled)


def scanned(data: bytes | str, *entries: Entry) -> scan.Log:
    raw = data if isinstance(data, bytes) else data.encode()
    return scan.scan(io.BytesIO(raw), {each.id: each for each in entries})


def test_tells_the_first_line_its_text_and_how_many() -> None:
    hit = scanned("one\nKeyError: 'a'\nthree\nKeyError: 'b'\n", entry("KeyError: '(?:a|b)'")).hits["it"]
    assert (hit.line, hit.text, hit.count, hit.last) == (2, "KeyError: 'a'", 2, 4)


def test_counts_lines_with_and_without_a_last_end() -> None:
    assert [scanned(text).lines for text in ("", "a", "a\n", "a\nb", "\n\n")] == [0, 1, 1, 2, 2]


def test_stops_counting_at_some_point_and_says_so() -> None:
    hit = scanned("overflow 1\n" * (scan.ENOUGH + 7), entry("overflow")).hits["it"]
    assert hit.count == scan.ENOUGH and hit.is_counted_out


def test_takes_the_largest_number_of_the_first_group() -> None:
    log = scanned("at least 70\nat least 900\nat least 80\n", entry(r"at least (\d+)"))
    assert log.hits["it"].number == 900


@pytest.mark.parametrize("before", [0, 1, scan.CHUNK - 30, scan.CHUNK - 1, scan.CHUNK, scan.CHUNK + 5, 3 * scan.CHUNK])
def test_finds_a_line_wherever_a_chunk_ends(before: int) -> None:
    lines, rest = divmod(before, 50)
    log = scanned(b"x" * rest + b"\n" + (b"y" * 49 + b"\n") * lines + b"here is: the thing\n", entry("is: the thing"))
    assert (log.hits["it"].line, log.hits["it"].count) == (lines + 2, 1)


@pytest.mark.parametrize("at", range(scan.CHUNK - 120, scan.CHUNK + 40, 10))
def test_a_signature_over_lines_sees_those_before_it_across_chunks(at: int) -> None:
    text = f"{'x' * at}\nin _create_app\n  frame\nTypeError: None is it\n"
    found = scanned(text, entry("_create_app\n(?:.{0,80}\n){0,4}.{0,80}None is it")).hits["it"]
    assert (found.line, found.text) == (4, "TypeError: None is it")


def test_a_signature_over_lines_sees_six_lines_back_and_no_more() -> None:
    seen = entry(r"begin\n(?:.{0,9}\n){0,9}end")
    assert scanned("begin\n" + "x\n" * 5 + "end\n", seen).hits
    assert not scanned("begin\n" + "x\n" * 6 + "end\n", seen).hits


def test_sees_through_colours_and_terminal_titles() -> None:
    log = scanned("\x1b]0;title\x07\x1b[31mKey\x1b[1;32mError\x1b(B\x1b[m: 'a'\n", entry("^KeyError: 'a'$"))
    assert log.hits["it"].text == "KeyError: 'a'"


def test_a_progress_line_ends_at_carriage_returns_but_has_one_number() -> None:
    log = scanned("a\n 10%\r 20%\rKilled here\r 30%\nlater\n", entry("^Killed here$"), entry("later", "next"))
    assert (log.hits["it"].line, log.hits["it"].text, log.hits["next"].line) == (2, "Killed here", 3)


def test_lines_that_end_as_on_windows() -> None:
    log = scanned("a\r\nfirst\r\nsecond\r\n", entry("first\nsecond$"))
    assert (log.hits["it"].line, log.lines, log.last_line) == (3, 3, "second")


def test_bytes_that_are_no_text_do_no_harm() -> None:
    log = scanned(b"\x00\xff\xfe\n\xc3\x28 KeyError: \x00'a'\n", entry("KeyError: .?'a'"))
    assert log.hits["it"].line == 2
    assert "\x00" not in log.hits["it"].text


@pytest.mark.parametrize("head", [b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b"])
def test_refuses_what_is_no_text(head: bytes) -> None:
    with pytest.raises(ValueError, match="make explain LOG=-"):
        scanned(head + b"K\x00e\x00y\x00")
    assert scanned(b"x" * scan.CHUNK + head).lines == 1, "only at the beginning"


def test_case_matters_unless_a_signature_says_otherwise() -> None:
    log = scanned("MoviePy IS not installed\n", entry("(?i)moviepy is not", "any"), entry("moviepy is not", "exact"))
    assert list(log.hits) == ["any"]


def test_a_harmless_line_is_nothing_else() -> None:
    log = scanned(
        "[Error] Recursive unload\nRecursive unload: RuntimeError: x\n",
        entry("Recursive unload", "calm", role="harmless"),
        entry("RuntimeError"),
    )
    assert set(log.hits) == {"calm"}
    assert log.failure is None and log.kit_error is None


def test_conditions_are_looked_for_in_the_whole_log() -> None:
    watched = entry("WSL2", role="conditional", only_with="VkResult", not_with="Learning iteration")
    log = scanned("VkResult: X\nWSL2\nLearning iteration 3\n", watched)
    assert (log.only_with, log.not_with) == ({"it"}, {"it"})
    log = scanned("WSL2\n", watched)
    assert (log.only_with, log.not_with) == (set(), set())


def test_the_end_of_a_log() -> None:
    log = scanned("".join(f"line {number}\n" for number in range(40)) + "\n  \n\n")
    assert (log.last_line, log.tail[0], log.tail[-1], len(log.tail)) == ("line 39", "line 25", "line 39", scan.TAIL)


def test_the_last_line_before_megabytes_of_blank_ones() -> None:
    assert scanned(b"the end\n" + b"\n" * (3 * scan.CHUNK)).last_line == "the end"


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("KeyError: 'x'", True),
        ("ERROR: no such thing", True),
        ("./run.sh: line 3: 4711 Killed    python train.py", True),
        ("Segmentation fault (core dumped)", True),
        ("2026-01-01T00:00:00Z [1ms] [Fatal] [carb.crashreporter] stack", True),
        ("isaaclab.sh: command not found", True),
        ("      Metrics/base_velocity/error_vel_xy: 0.1234", False),
        ("      Tracking Error: 0.1234", False),
        ("Unskilled labour", False),
    ],
)
def test_lines_that_speak_of_a_failure(line: str, is_one: bool) -> None:
    assert bool(scanned(f"a\n{line}\n").failure) == is_one


TRACEBACK = """\
Traceback (most recent call last):
  File "train.py", line 3, in main
    run()
    ^^^^^
RuntimeError: CUDA error
"""


def test_a_traceback_from_its_head_to_its_exception() -> None:
    found = scanned(f"a\n{TRACEBACK}[2.1s] Simulation App Shutting Down\n")
    assert found.traceback is not None and found.shutdown is not None
    assert "\n".join(found.traceback.lines) + "\n" == TRACEBACK
    assert (found.traceback.line, found.traceback.error_line, found.traceback.end) == (2, 6, 6)
    assert (found.traceback.error, found.shutdown.last) == ("RuntimeError: CUDA error", 7)


def test_of_several_tracebacks_the_last() -> None:
    found = scanned(TRACEBACK + TRACEBACK.replace("CUDA error", "second") + "all well\n").traceback
    assert found is not None and (found.line, found.error) == (6, "RuntimeError: second")


def test_a_chain_of_tracebacks_is_one() -> None:
    chain = f"{TRACEBACK}\nDuring handling of the above exception, another exception occurred:\n\n{TRACEBACK}"
    found = scanned(f"{chain}\n\n          Mean reward: 3\n").traceback
    assert found is not None and "\n".join(found.lines) + "\n" == chain


def test_a_traceback_that_isaac_sim_or_torchrun_prefixes() -> None:
    kit = "2026-01-01T00:00:00Z [1,429ms] [Error] [omni.kit.app._impl] [py stderr]: "
    for prefix in (kit, "[rank0]: "):
        found = scanned("".join(f"{prefix}{line}\n" for line in TRACEBACK.splitlines())).traceback
        assert found is not None and "\n".join(found.lines) + "\n" == TRACEBACK


def test_a_long_traceback_keeps_both_ends() -> None:
    frames = "".join(f'  File "a.py", line {number}, in f\n' for number in range(9000))
    found = scanned(f"Traceback (most recent call last):\n{frames}RecursionError: too deep\n").traceback
    assert found is not None and found.error_line == 9002
    assert len(found.lines) == 41 and found.lines[-1] == "RecursionError: too deep"
    assert found.lines[20] == "  … 8,962 lines …"


def test_a_traceback_may_begin_in_one_chunk_and_end_in_another() -> None:
    for before in range(scan.CHUNK - 110, scan.CHUNK + 10, 7):
        found = scanned("x" * before + "\n" + TRACEBACK).traceback
        assert found is not None and (found.line, found.count, found.error) == (2, 5, "RuntimeError: CUDA error")


@pytest.mark.timeout(20)
def test_a_traceback_at_the_very_end_or_before_blank_lines() -> None:
    found = scanned(TRACEBACK.rstrip()).traceback
    assert found is not None and found.error == "RuntimeError: CUDA error"
    found = scanned(TRACEBACK + "\n\n\nDuring handling of the above exception").traceback
    assert found is not None and found.end == 5


def test_reads_a_pipe_while_it_is_written() -> None:
    reader, writer = os.pipe()

    def write() -> None:
        with os.fdopen(writer, "wb") as stream:
            for part in (b"a\nKey", b"Error: 'a'\nb", b"\n"):
                stream.write(part)
                stream.flush()
                time.sleep(0.02)

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(reader, "rb") as stream:
        log = scan.scan(stream, {"it": entry("KeyError: 'a'")})
    thread.join()
    assert (log.hits["it"].line, log.lines) == (2, 3)


def test_memory_does_not_grow_with_the_log() -> None:
    longest = 0

    class Endless(io.RawIOBase):
        left = 20

        def read(self, size: int = -1) -> bytes:
            self.left -= 1
            return b"no end of line " * (size // 15) if self.left > 0 else b""

    for chunk in scan._chunks(Endless()):  # type: ignore[arg-type]
        longest = max(longest, len(chunk))
    assert longest <= 2 * scan.CHUNK


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_of_the_catalogue_can_be_found_fast(name: str) -> None:
    pattern = PATTERNS[name]
    assert patterns.danger(pattern) == ""
    assert patterns.literals(pattern), "every alternative must hold a fixed text, over several lines in the last"
    assert min(map(len, patterns.literals(pattern))) >= 4, "a longer fixed text in every alternative"


@pytest.mark.parametrize("name", [each.id for each in CATALOGUE.values() if each.role])
def test_the_sample_of_an_entry_is_found(name: str) -> None:
    sample = CATALOGUE[name].sample
    hit = scan.scan(io.BytesIO(f"begin\n{sample}\nend\n".encode()), CATALOGUE).hits[name]
    assert 2 <= hit.line <= 2 + sample.count("\n")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", PATTERNS)
def test_inputs_that_almost_match_cost_linear_time(name: str) -> None:
    pattern = PATTERNS[name]
    watched = {"it": Entry(id="it", group="g", title="t", role="root", signature=pattern)}
    for literal in patterns.literals(pattern):
        text = literal.decode()
        for almost in (text, f"{text} ", f"x{text}\n", f"{text}'", f"{text}/a."):
            began = time.process_time()
            scan.scan(io.BytesIO((almost * (1 + 20_000 // len(almost))).encode()), watched)
            assert time.process_time() - began < 2


@pytest.mark.timeout(60)
def test_random_bytes_hold_no_failure() -> None:
    data = random.Random(3).randbytes(2 * scan.CHUNK)
    log = scan.scan(io.BytesIO(b"x" + data), CATALOGUE)
    assert not log.hits and log.traceback is None
    assert log.lines == data.count(b"\n") + 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No module named ['‘]isaacsim", [b"no module named "]),
        ("KeyError: '(?:one|three)'", [b"keyerror: '"]),
        ("(?:alpha|beta): x", [b"alpha", b"beta"]),
        ("alpha|[bd]+", []),
        (r"(?:long enough)? ab", [b" ab"]),
        (r"(?:abc)+x", [b"abc"]),
        ("first line\n(?:.{0,9}\n){0,4}.{0,9}last", [b"last"]),
        (r"\d+", []),
    ],
)
def test_the_fixed_texts_of_a_pattern(text: str, expected: list[bytes]) -> None:
    found = patterns.literals(re.compile(text))
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("text", [r"(?:a+)+b", r"(?:\w+ )*x", "a.*b", r"a[\s\S]*?b", r"a[^\n]*b", r"(?:.{0,200}x)*"])
def test_patterns_that_may_be_slow_are_named(text: str) -> None:
    assert patterns.danger(re.compile(text))


@pytest.mark.parametrize("text", [r"a.{0,200}b", r"a\w+b", r"(?:.{0,300}\n){0,4}x", r"[\w.\-]*\.so", "[^']+'"])
def test_patterns_that_are_not_slow_are_not(text: str) -> None:
    assert not patterns.danger(re.compile(text))


@pytest.mark.parametrize("before", [0, 1, scan.REACH - 1, scan.REACH, scan.REACH + 1, scan.CHUNK - 5])
def test_a_traceback_in_the_middle_of_an_endless_line_is_passed(before: int) -> None:
    log = scanned("x" * before + HEAD + ":" + "y" * scan.CHUNK)
    assert log.lines == 1


def test_many_texts_in_one_endless_line_take_no_longer_than_few() -> None:
    text = "Traceback (most recent call last): KeyError: 'num_steps_per_envs' Could not open asset @"
    last = "\nImportError: cannot import name 'dump_pickle' from 'isaaclab.utils.io'"
    log = scanned(text * (3 * scan.CHUNK // len(text)) + last, *CATALOGUE.values())
    assert log.lines == 2 and "dump-pickle-removed" in log.hits


def test_an_exception_that_python_ignores_is_not_what_ended_the_run() -> None:
    """As when an environment that was never whole is taken down."""
    ended = f'{HEAD}:\n  File "train.py", line 1, in main\nRuntimeError: no prim\n'
    ignored = (
        f'Exception ignored in: <function Env.__del__ at 0x7f>\n{HEAD}:\n  File "env.py", line 2\nAttributeError: x\n'
    )
    for text in (ended + ignored, ended + "noise\n" + ignored, ignored + ended):
        log = scanned(text)
        assert log.traceback is not None and log.traceback.error == "RuntimeError: no prim"
    assert scanned(ignored).traceback is None
