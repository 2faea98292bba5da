#!/usr/bin/env bash
# Berkeley Humanoid Lite at its pinned commit with its submodules, editable in Isaac Sim's Python.
# Its tasks were written for Isaac Lab 2.1 and load in 2.3.2 as they are; its own train and play
# scripts do not (dump_pickle is gone), and the runners of this project take their place.
# Or a checkout or fork of the user's, as it is: ROBOT=path.
# usage: scripts/setup/robot.sh step_name|needs|complain|inputs|check|install|report

set -euo pipefail

program=setup
# shellcheck source=scripts/lib.sh
source "${BASH_SOURCE[0]%/*}/../lib.sh"
# shellcheck source=scripts/isaac.sh
source scripts/isaac.sh
# shellcheck source=scripts/git.sh
source scripts/git.sh
# shellcheck source=scripts/pip.sh
source scripts/pip.sh
# shellcheck source=scripts/isaac_pip.sh
source scripts/isaac_pip.sh
# shellcheck source=scripts/projects.sh
source scripts/projects.sh

PACKAGES='berkeley_humanoid_lite berkeley_humanoid_lite_assets'

step_name() { say "installing the robot in $robot"; }

needs() {
  [[ -n "$own_robot" && ! -d "$robot" ]] || return 0
  say "--disk=$DISK_ROBOT_GB:$install"
  git_needs
}

complain() {
  if [[ -z "$own_robot" ]]; then complain_about_own; else complain_about_clone; fi
}

# Of a checkout of the user's: nothing is fetched into it.
complain_about_own() {
  local package leave="or leave it out: make setup ROBOT=none"
  if [[ ! -d "$robot" ]]; then
    say "ROBOT '$robot' is no folder; name a checkout of $ROBOT_REPOSITORY or a fork of it, $leave"
    return
  fi
  for package in $PACKAGES; do
    [[ -d "$robot/source/$package/$package" ]] || {
      say "ROBOT '$robot' has no source/$package/$package; get its submodules (git -C '$robot' submodule update --init)," \
        "name another checkout of $ROBOT_REPOSITORY, $leave"
      return
    }
  done
}

complain_about_clone() {
  [[ ! -e "$robot" || -d "$robot/.git" ]] ||
    say "'$robot' is not a git checkout; move it away, or leave the robot out: make setup ROBOT=none"
}

inputs() {
  cat <<INPUTS
path $robot
sim $sim
INPUTS
  if [[ -n "$own_robot" ]]; then say "commit $ROBOT_COMMIT"; else describe_own; fi
}

# The user's own commits go on; what decides how it is built is in these.
describe_own() {
  local file
  for file in "$robot"/source/{berkeley_humanoid_lite,berkeley_humanoid_lite_assets}/{pyproject.toml,setup.py}; do
    [[ ! -f "$file" ]] || say "file $file $(hash_of "$file")"
  done
}

inputs_with_head() {
  inputs
  [[ -z "$own_robot" ]] || say "head $(head_of "$robot")"
}

check() {
  local receipt
  receipt=$(receipt_of robot)
  [[ -f "$receipt" && "$(inputs_with_head)" == "$(<"$receipt")" ]] && is_merged robot || return
  if [[ -n "$own_robot" ]]; then is_complete; else [[ -z "$(complain_about_own)" ]]; fi
}

# Whether submodules and LFS objects are there still: somebody may have checked out or cleaned since.
is_complete() {
  local module
  while IFS= read -r module; do
    [[ -n "$(ls -A -- "$robot/$module" 2>/dev/null)" ]] || return
  done < <(sed -n 's/^[[:space:]]*path = //p' "$robot/.gitmodules" 2>/dev/null)
  [[ -z "$(lfs_pointers "$robot")" ]]
}

install() {
  local package folders=()
  git_environment
  rm -f "$(receipt_of robot)"
  if [[ -n "$own_robot" ]]; then
    forget_egg_info "$STATE/egg-info-robot"
    get_checkout
  else
    take_own
  fi
  new_stage
  get_build_tools
  for package in $PACKAGES; do folders+=("$robot/source/$package"); done
  stage_editable "the robot, editable" "${folders[@]}"
  merge robot
  inputs_with_head | write_receipt "$(receipt_of robot)"
}

report() { say "robot ${robot##*/}"; }

take_own() {
  local package folders=() complaint
  complaint=$(complain_about_own)
  [[ -z "$complaint" ]] || die "$complaint"
  for package in $PACKAGES; do folders+=("$robot/source/$package"); done
  forget_egg_info "$STATE/egg-info-robot" "${folders[@]}"
  note_egg_info "$STATE/egg-info-robot" "${folders[@]}"
  [[ -z "$(lfs_pointers "$robot")" ]] || warn "warning: '$robot' has files that are Git LFS pointers still:" \
    "git -C '$robot' lfs pull"
}

# --- the checkout --------------------------------------------------------------------------------

get_checkout() {
  if [[ ! -d "$robot" ]]; then
    part "git clone of the robot" clone_whole || robot_failed
    mv -- "$robot.whole" "$robot"
    head_of "$robot" >"$STATE/robot.cloned"
  elif [[ "$(head_of "$robot")" != "$ROBOT_COMMIT" ]]; then
    move_to_pin
  fi
  is_complete || part "submodules and LFS objects" complete "$robot" || robot_failed
  ! has_changes "$robot" || warn "warning: '$robot' has local changes; it is used as it is"
}

# Under another name until submodules and LFS objects are there too.
clone_whole() {
  rm -rf -- "$robot.whole"
  clone_commit "$ROBOT_REPOSITORY" "$ROBOT_COMMIT" "$robot.whole" && complete "$robot.whole"
}

complete() {
  git -C "$1" submodule --quiet update --init --recursive --depth 1 && forget_address "$1" || return
  get_lfs_objects "$1"
}

# Only where the user has not moved it: what they have checked out or changed is theirs.
move_to_pin() {
  if [[ "$(head_of "$robot")" != "$(cat "$STATE/robot.cloned" 2>/dev/null)" ]]; then
    warn "warning: '$robot' is on commit $(head_of "$robot"), not on the pinned $ROBOT_COMMIT; it is used as it is"
    return
  fi
  ! has_changes "$robot" || die "'$robot' has local changes and the pinned commit has moved to" \
    "$ROBOT_COMMIT; commit or stash them (git -C '$robot' stash), then: make setup"
  part "git fetch of the robot" move_whole || robot_failed
  head_of "$robot" >"$STATE/robot.cloned"
}

move_whole() { fetch_commit "$robot" "$ROBOT_COMMIT" && complete "$robot"; }

robot_failed() {
  local pointer
  pointer=$(part_output | sed -n 's/^LFS pointer: //p' | head -n 1)
  [[ -z "$pointer" ]] || die "'$pointer' of the robot is a Git LFS pointer, not the file itself; install Git LFS" \
    "(sudo apt install git-lfs), then: make setup"
  die "git cannot get the robot's commit $ROBOT_COMMIT with its submodules from $(repository_url "$ROBOT_REPOSITORY")" \
    "($(git_said)); check the connection, then: make setup, or leave it out: make setup ROBOT=none"
}

# --- Git LFS -------------------------------------------------------------------------------------

get_lfs_objects() {
  local repository
  [[ -n "$(lfs_pointers "$1")" ]] || return 0
  if have git-lfs; then
    for repository in "$1" "$1"/source/*/; do
      [[ -e "$repository/.git" ]] || continue
      git -C "$repository" lfs install --local >/dev/null && git -C "$repository" lfs pull || return
    done
  fi
  ! lfs_pointers "$1" | sed "s|^$1/||; s|^|LFS pointer: |" | grep . || return 1
}

# Files that are a pointer still: a text of about 130 bytes that begins with the version of the format.
lfs_pointers() {
  find "$1" -name .git -prune -o -type f -size -2 -exec grep -lI '^version https://git-lfs.github.com/spec/' {} +
}

main() {
  clean_environment
  pip_environment
  read_places
  isaac_pip_environment
  "$1"
}

main "$@"
