#!/usr/bin/env bash
# Packages in Isaac Sim's own Python: those of env/isaac.lock, rsl_rl, and Isaac Lab's, editable.
# What Isaac Sim bundles stays as it is. All is built aside and moved in at the end, see
# scripts/site_packages.py.
# usage: scripts/setup/packages.sh step_name|needs|complain|inputs|check|install|report

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

LOCK=env/isaac.lock
PACKAGES='isaaclab isaaclab_assets isaaclab_contrib isaaclab_mimic isaaclab_rl isaaclab_tasks'

step_name() { say "installing packages in $sim/python.sh, with rsl_rl $isaac_rsl_rl"; }

needs() {
  local host
  say "--disk=$DISK_PACKAGES_GB:$install"
  [[ -z "${SETUP_OFFLINE-}" ]] || return 0
  host=$(index_host) && [[ -z "$host" ]] || say "--host=$host"
  [[ "$isaac_rsl_rl" != "$ISAAC_RSL_RL" ]] || git_needs
}

complain() {
  case $isaac_rsl_rl in
    "$ISAAC_RSL_RL" | "$ISAAC_LAB_RSL_RL") ;;
    *) say "RSL_RL '$isaac_rsl_rl' is not for Isaac Sim's Python; it is $ISAAC_RSL_RL or $ISAAC_LAB_RSL_RL (with SIM=mujoco any release)" ;;
  esac
}

inputs() {
  cat <<INPUTS
sim $sim
lab $lab
lock $(hash_of "$LOCK")
build $(hash_of env/isaac-build.lock)
rsl_rl $isaac_rsl_rl $(rsl_rl_source)
INPUTS
}

rsl_rl_source() {
  if [[ "$isaac_rsl_rl" == "$ISAAC_RSL_RL" ]]; then say "$ISAAC_RSL_RL_COMMIT"; else hash_of env/isaac-rsl_rl.lock; fi
}

check() {
  local receipt
  receipt=$(receipt_of packages)
  [[ -f "$receipt" && "$(inputs)" == "$(<"$receipt")" ]] && is_merged packages && one_rsl_rl
}

# Both distributions own the folder rsl_rl; two at once are a broken mix.
one_rsl_rl() {
  local other=rsl_rl
  [[ "$isaac_rsl_rl" != "$ISAAC_RSL_RL" ]] || other=rsl_rl_lib
  [[ -z "$(compgen -G "$(site_folder)/$other-*-info")" ]]
}

install() {
  local package editable=()
  rm -f "$(receipt_of packages)"
  undo_merge task_packages # what came because it was not there may come with the lock now
  new_stage
  get_build_tools
  get_wheels
  get_rsl_rl
  for package in $PACKAGES; do editable+=(-e "$lab/source/$package"); done
  note_new_egg_info
  stage "Isaac Lab, editable" "${editable[@]}"
  merge packages --instead-of rsl_rl rsl-rl-lib
  rm -rf .cache/pip
  inputs | write_receipt "$(receipt_of packages)"
}

report() { say "rsl_rl $isaac_rsl_rl"; }

# Source packages among them are built with the tools of env/isaac-build.lock: the build of flatdict
# needs pkg_resources, which the newest setuptools no longer has, whatever this Python has.
get_wheels() {
  isaac_python scripts/site_packages.py filter "$STATE" "$LOCK" >"$STAGE/isaac.lock" 2>"$STAGE/kept" ||
    die "Isaac Sim's Python does not work: $(tail -n 1 "$STAGE/kept"); check '$sim/python.sh', then: make setup"
  sed 's/^/  /' "$STAGE/kept"
  pip "packages of the lock" wheel --no-deps --no-build-isolation --require-hashes \
    --only-binary :all: --no-binary flatdict,antlr4-python3-runtime \
    --wheel-dir "$STAGE/wheels" -r "$STAGE/isaac.lock" || pip_failed "the packages of $LOCK"
}

# An editable install writes an .egg-info beside its source. In a checkout of the user's those that
# were not there are taken away by uninstall.
note_new_egg_info() {
  local package
  [[ -z "$own_lab" && ! -f "$STATE/egg-info" ]] || return 0
  for package in $PACKAGES; do
    [[ -e "$lab/source/$package/$package.egg-info" ]] || say "$lab/source/$package/$package.egg-info"
  done | write_receipt "$STATE/egg-info"
}

get_rsl_rl() {
  if [[ "$isaac_rsl_rl" == "$ISAAC_RSL_RL" ]]; then
    git_environment
    part "git clone of rsl_rl" clone_commit leggedrobotics/rsl_rl "$ISAAC_RSL_RL_COMMIT" "$STAGE/rsl_rl" ||
      die "git cannot get rsl_rl's commit $ISAAC_RSL_RL_COMMIT from $(repository_url leggedrobotics/rsl_rl)" \
        "($(git_said)); check the connection, then: make setup"
    pip "rsl_rl $isaac_rsl_rl" wheel --no-deps --no-index --no-build-isolation \
      --wheel-dir "$STAGE/wheels" "$STAGE/rsl_rl" || pip_failed "rsl_rl $isaac_rsl_rl"
  else
    pip "rsl_rl $isaac_rsl_rl" wheel --no-deps --require-hashes --only-binary :all: \
      --wheel-dir "$STAGE/wheels" -r env/isaac-rsl_rl.lock || pip_failed "rsl_rl $isaac_rsl_rl"
  fi
}

main() {
  clean_environment
  pip_environment
  read_places
  isaac_pip_environment
  "$1"
}

main "$@"
