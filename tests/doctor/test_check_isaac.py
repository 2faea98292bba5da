"""Doctor on Isaac Sim, Isaac Lab and their set-up: what is wrong is found, once, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import plant_isaac as plant
import pytest

from checks import git_state, isaac_lab, isaac_sim, packages, robot, rsl_rl
from finding import Finding, Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return plant.clean_place(tmp_path)


def all_of(place: Place) -> list[Finding]:
    checks = (isaac_sim, isaac_lab, packages, rsl_rl, robot)
    return [finding for check in checks for finding in check.check(place)]


def ids(place: Place) -> list[str]:
    return [finding.id for finding in all_of(place)]


def only(place: Place) -> Finding:
    [finding] = all_of(place)
    return finding


def test_a_clean_workstation_has_no_findings(place: Place) -> None:
    assert ids(place) == []
    done = subprocess.run(
        ["bash", place.root / "scripts/setup.sh", "--sim=isaac", "--check"], env=dict(place.env), check=False
    )
    assert done.returncode == 0


@pytest.mark.parametrize("name", [*plant.ISAAC_SIM, *plant.ISAAC_LAB])
def test_a_state_is_found_and_is_one_finding(place: Place, name: str) -> None:
    assert ids(plant.PLANTED[name](place)) == [name]


def test_nothing_is_said_where_the_embedded_simulator_is_meant(place: Place) -> None:
    shutil.rmtree(place.isaac)
    assert ids(replace(place, aim="mujoco")) == []


def test_a_fresh_checkout_has_one_finding(place: Place) -> None:
    shutil.rmtree(place.state)
    assert only(plant.again(place)).id == "isaac-not-set-up"
    assert str(place.state / "choices") in only(place).evidence


def test_half_a_download_is_told(place: Place) -> None:
    shutil.rmtree(place.isaac)
    plant.write(place.install / "downloads/isaac-sim.zip.part", "x" * 60_000_000)
    assert "0.1 GB are there" in only(place).evidence


def test_an_emptied_folder_is_no_isaac_sim(place: Place) -> None:
    shutil.rmtree(place.isaac)
    place.isaac.mkdir()
    assert only(place).id == "isaac-not-set-up"


@pytest.mark.parametrize("text", ["5.1", "5.1.2", "5.1.0-rc.19+release"])
def test_every_5_1_is_right(place: Place, text: str) -> None:
    plant.write(place.isaac / "VERSION", text)
    assert ids(place) == []


@pytest.mark.parametrize("text", ["5.10.0", "5.0.0-rc.45", "6.0.1", "", "\ud800"])
def test_others_are_wrong_and_named(place: Place, text: str) -> None:
    (place.isaac / "VERSION").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert only(place).id == "isaac-sim-wrong-version"
    assert str(place.isaac / "VERSION") in only(place).evidence


def test_one_of_the_users_own_is_named_otherwise(place: Place) -> None:
    own = place.root.parent / "own"
    place.isaac.rename(own)
    plant.write(place.state / "choices", f"ISAACSIM_PATH {own}\n")
    place = plant.other_isaac(plant.again(place))
    [finding] = list(isaac_sim.version(place))
    assert finding.repair == "make setup ISAACSIM_PATH=/path/to/isaac-sim-5.1"
    plant.no_extensions(place)
    [finding] = list(isaac_sim.parts(place))
    assert finding.repair.startswith("unpack the archive")


def test_python_sh_is_told_from_the_link(place: Place) -> None:
    (place.isaac / "python.sh").unlink()
    [finding] = list(isaac_sim.launcher(place))
    assert finding.id == "launcher-python-missing" and "python.sh" in finding.what and finding.repair == "make setup"


def test_python_sh_without_its_x_bit(place: Place) -> None:
    (place.isaac / "python.sh").chmod(0o644)
    assert only(place).id == "launcher-python-missing"
    assert only(place).repair == f"chmod +x '{place.isaac}/python.sh'"


def test_isaac_labs_folder_for_temporary_files_is_looked_at(place: Place, tmp_path: Path) -> None:
    plant.write(tmp_path / "other/isaaclab/logs", "")
    place = replace(place, env={**place.env, "TMPDIR": str(tmp_path / "other")})
    assert f"'{tmp_path}/other/isaaclab/logs' (" in only(place).evidence
    assert only(place).repair.endswith(", or take another folder for temporary files: export TMPDIR=/path")


def test_a_set_up_that_stopped_with_the_receipts_of_before(place: Place) -> None:
    plant.write(place.state / "unfinished", "step packages\nwhat installing packages\n")
    assert not place.is_set_up(), "the runners refuse to start there"
    assert (only(place).id, only(place).evidence) == ("set-up-unfinished", "it stopped in the step 'packages'")


def test_only_the_proof_is_missing(place: Place) -> None:
    (place.state / "receipt-verify").unlink()
    assert only(place).id == "set-up-unfinished" and "check at the end" in only(place).what


def test_steps_that_are_done_are_named(place: Place) -> None:
    evidence = only(plant.unfinished(place)).evidence
    assert evidence == "steps done: isaac_sim, isaac_lab; not done: packages, robot, verify"


def test_what_moved_on_is_named(place: Place) -> None:
    before = plant.digest(place.root / "env/isaac.lock")
    plant.moved_pins(place)
    now = plant.digest(place.root / "env/isaac.lock")
    assert only(place).evidence == f"lock in '.isaac/receipt-packages' is '{before[:12]}', now it is '{now[:12]}'"


def test_a_pinned_commit_that_moved_on(place: Place) -> None:
    plant.pin(place.root, "ROBOT_COMMIT", "1" * 40)
    evidence = [finding.evidence for finding in all_of(plant.again(place)) if finding.id == "pins-moved"]
    assert evidence and "commit in '.isaac/receipt-robot'" in evidence[0] and "'111111111111'" in evidence[0]


def test_a_checkout_that_was_moved_after_set_up(place: Place) -> None:
    plant.write(place.lab / "docs/mine.rst", "mine\n")
    plant.commit(place.lab)
    assert only(place).id == "pins-moved" and "head in '.isaac/receipt-isaac_lab'" in only(place).evidence


def test_a_moved_workstation_is_one_finding(place: Place) -> None:
    place.root.rename(place.root.parent / "elsewhere")
    moved = plant.make_place(place.root.parent / "elsewhere", place.root.parent)
    assert only(moved).id == "pins-moved"
    assert "moved" in only(moved).what and str(place.isaac) in only(moved).evidence


def test_the_check_writes_nothing(place: Place) -> None:
    def snapshot() -> dict[str, int]:
        return {str(path): path.lstat().st_mtime_ns for path in place.root.rglob("*") if "__pycache__" not in str(path)}

    (place.lab / "VERSION").touch()
    before = snapshot()
    plant.moved_pins(place)
    all_of(place)
    after = snapshot()
    assert [path for path in after if after[path] != before.get(path)] == [str(place.root / "env/isaac.lock")]


@pytest.mark.parametrize(
    ("target", "words"), [("/nowhere/isaacsim", "leads nowhere"), ("/tmp", "does not lead to the Isaac Sim")]
)
def test_a_link_to_elsewhere(place: Place, target: str, words: str) -> None:
    (place.lab / "_isaac_sim").unlink()
    (place.lab / "_isaac_sim").symlink_to(target)
    finding = only(place)
    assert finding.id == "launcher-python-missing" and words in finding.what and f"'{target}'" in finding.evidence


def test_a_folder_in_place_of_the_link(place: Place) -> None:
    (place.lab / "_isaac_sim").unlink()
    (place.lab / "_isaac_sim").mkdir()
    assert "not a link" in only(place).what and only(place).repair.startswith("mv ")


def test_kits_that_are_those_of_4_5(place: Place) -> None:
    assert "copy of the kits for Isaac Sim 4.5" in only(plant.kits_of_4_5(place)).what


def test_a_kit_is_missing_in_a_folder_of_set_up(place: Place) -> None:
    (place.lab / "apps/isaacsim_5_1" / plant.KIT).unlink()
    assert only(place).id == "kits-missing" and plant.KIT in only(place).evidence


def test_foreign_kits_for_the_second_time(place: Place) -> None:
    plant.kits_of_4_5(place)
    (place.lab / "apps/isaacsim_5_1.before").mkdir()
    assert only(place).repair.startswith("mv ")


def test_local_changes_are_named(place: Place) -> None:
    plant.changed_lab(place)
    plant.write(place.lab / "untracked.py", "")
    assert only(place).evidence.startswith("source/isaaclab/isaaclab/__init__.py in ")
    assert "1 in all" in only(place).evidence


@pytest.mark.parametrize("shape", ["detached", "branch", "packed", "worktree"])
def test_the_head_is_told_without_git(place: Place, tmp_path: Path, shape: str) -> None:
    folder, expected = place.lab, plant.head(place.lab)
    if shape == "detached":
        plant.git(folder, "checkout", "--quiet", "--detach")
    elif shape == "packed":
        plant.git(folder, "pack-refs", "--all")
    elif shape == "worktree":
        plant.git(folder, "worktree", "add", "--quiet", "-b", "mine", str(tmp_path / "tree"))
        folder = tmp_path / "tree"
    assert git_state.head(folder) == expected


def test_no_git_checkout_has_no_head(tmp_path: Path) -> None:
    assert git_state.head(tmp_path) is None
    plant.write(tmp_path / ".git/HEAD", "ref: refs/heads/unborn\n")
    assert git_state.head(tmp_path) is None


def test_a_machine_without_git_and_bash(place: Place) -> None:
    bare = replace(place, env={"PATH": "/nonexistent"})
    assert ids(bare) == []


def test_it_runs_where_no_package_is(place: Place) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(plant.SOURCE / "scripts/doctor")!r})
from pathlib import Path
from finding import make_place
from checks import isaac_sim, isaac_lab, packages, rsl_rl, robot
place = make_place({dict(place.env)!r}, "isaac", root=Path({str(place.root)!r}))
print([finding.id for check in (isaac_sim, isaac_lab, packages, rsl_rl, robot) for finding in check.check(place)])
"""
    older = sorted(Path.home().glob(".pyenv/versions/3.8.*/bin/python"))
    for program in [sys.executable, *older]:
        done = subprocess.run([program, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == ("[]\n", ""), program
