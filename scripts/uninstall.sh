#!/usr/bin/env bash
# Removes what set-up installed, by its receipts, after showing it. Runs stay, and so does whatever
# set-up did not make.
# usage: scripts/uninstall.sh [--sim=auto|isaac|mujoco] [--yes=1]

set -euo pipefail

program=uninstall
# shellcheck source=scripts/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=scripts/isaac.sh
source scripts/isaac.sh
# shellcheck source=scripts/pip.sh
source scripts/pip.sh
# shellcheck source=scripts/isaac_pip.sh
source scripts/isaac_pip.sh
# shellcheck source=scripts/projects.sh
source scripts/projects.sh

read_arguments() {
  local argument
  wanted=auto yes=''
  for argument in "$@"; do
    case $argument in
      --sim=*) wanted=${argument#*=} ;;
      --yes=1) yes=1 ;;
      --yes=*) ;;
      *) die "unknown argument '$argument'; see the head of scripts/uninstall.sh" ;;
    esac
  done
}

# --- what there is -------------------------------------------------------------------------------

# Sets `items` to lines `what to do<TAB>path`, and `kept` to what is not touched.
look() {
  items=() kept=()
  [[ "$wanted" == mujoco ]] || look_at_isaac
  [[ "$wanted" == isaac ]] || look_at_mujoco
  [[ ! -d logs ]] || kept+=("logs: your runs")
}

look_at_isaac() {
  [[ -f "$STATE/$STATE_MARKER" ]] || return 0
  local name
  # Those in set-up's own Isaac Sim go with it.
  for name in task_packages robot packages; do
    if [[ -f "$STATE/files-$name" || -d "$STATE/aside-$name" ]] &&
      [[ "$(merged_into "$name")" != "$install/isaacsim" ]]; then
      items+=("undo	$name")
    fi
  done
  look_at_egg_info "$STATE"/egg-info-*
  if [[ -z "$own_lab" && -f "$(receipt_of isaac_lab)" ]]; then items+=("unlink	$lab"); fi
  [[ -n "$own_sim" ]] || kept+=("$sim: your Isaac Sim, without the packages that set-up put in")
  [[ -n "$own_lab" ]] || kept+=("$lab: your Isaac Lab, without set-up's link, kits and egg-info")
  [[ -n "$own_robot" || -z "$robot" ]] || kept+=("$robot: your robot project, without set-up's egg-info")
  if [[ "$install" == "$ROOT/$STATE" || -f "$install/$STATE_MARKER" ]]; then
    look_at_checkout "$install/IsaacLab"
    look_at_checkout "$install/${ROBOT_REPOSITORY##*/}"
    [[ ! -d "$install/isaacsim" ]] || items+=("sim	$install/isaacsim")
    [[ ! -f "$install/assets/$STATE_MARKER" ]] || items+=("remove	$install/assets")
    for name in isaacsim.part IsaacLab.part assets.part "${ROBOT_REPOSITORY##*/}.whole" "${ROBOT_REPOSITORY##*/}.whole.part" downloads home; do
      [[ ! -e "$install/$name" ]] || items+=("remove	$install/$name")
    done
  fi
  [[ ! -d "$STATE/set-aside" ]] || kept+=("$ROOT/$STATE/set-aside: what make fix took out of Isaac Sim's Python")
  items+=("state	$ROOT/$STATE")
}

# Of the user's own projects only what builds have written beside the sources.
look_at_egg_info() {
  local record
  for record in "$@"; do
    [[ ! -f "$record" ]] || items+=("eggs	$record")
  done
}

# A checkout with anything in it that neither git nor set-up knows is left alone.
look_at_checkout() {
  local foreign
  [[ -d "$1" ]] || return 0
  foreign=$(foreign_files "$1") || foreign='it is not a git checkout'
  if [[ -n "$foreign" ]]; then
    kept+=("$1: there is something of yours in it (${foreign%%$'\n'*})")
  else
    items+=("remove	$1")
  fi
}

# Changes, commits and files beyond what set-up leaves there.
foreign_files() {
  local cloned
  cloned=$(cat "$STATE/$(checkout_name "$1").cloned" 2>/dev/null) || cloned=
  [[ "$(git -C "$1" rev-parse HEAD)" == "$cloned" ]] || say "another commit"
  git -C "$1" status --porcelain --ignored --untracked-files=all --ignore-submodules=none |
    grep -vE '/__pycache__/|\.pyc$|\.egg-info/|_isaac_sim$|apps/isaacsim_5_1/' || true
}

checkout_name() { if [[ "$1" == */IsaacLab ]]; then say isaac_lab; else say robot; fi; }

look_at_mujoco() {
  look_at_egg_info "$TASK_EGG_INFO"
  if [[ -f "$MARKER" ]] && venv_is_ours; then items+=("remove	$ROOT/.venv"); fi
  [[ ! -d .cache || -L .cache ]] || items+=("remove	$ROOT/.cache")
}

show() {
  local item path
  for item in "${items[@]}"; do
    path=${item#*$'\t'}
    case $item in
      undo*) say "  packages of set-up ($path) in $(merged_into "$path")" ;;
      state*) say "  receipts, choices and the licence's record in $path" ;;
      eggs*) sed -n 's/^project /  egg-info of set-up in /p' "$path" ;;
      unlink*) say "  link, kits and egg-info of set-up in $path" ;;
      *) printf '  %8s  %s\n' "$(size_of "$path")" "$path" ;;
    esac
  done
  for item in "${kept[@]}"; do say "  kept: $item"; done
}

size_of() { du -sh -- "$1" 2>/dev/null | cut -f 1; }

ask() {
  local answer
  [[ -z "$yes" ]] || return 0
  [[ -t 0 && -t 1 ]] || die "nothing is removed without being asked; to go on: make uninstall YES=1"
  read -r -p 'Remove these? [y/N] ' answer || answer=
  [[ "${answer,,}" =~ ^(y|yes)$ ]] || die "nothing was removed"
}

# --- removing ------------------------------------------------------------------------------------

remove_all() {
  local item
  # From here on nothing counts as installed. The receipt for the user's own Isaac Lab stays until
  # the end: it says what there is to undo, should this be cut short.
  for item in "$STATE"/receipt-*; do
    [[ -z "$own_lab" && "$item" == "$(receipt_of isaac_lab)" ]] || rm -f -- "$item"
  done
  for item in "${items[@]}"; do
    case $item in
      undo*) undo_merge "${item#*$'\t'}" ;;
      eggs*) forget_egg_info "${item#*$'\t'}" ;;
      unlink*) clean_lab ;;
      sim*) remove_sim "${item#*$'\t'}" ;;
      state*) remove_state ;;
      remove*) rm -rf -- "${item#*$'\t'}" ;;
    esac
  done
}

clean_lab() {
  local before folder
  before=$(cat "$STATE/isaac_lab.link" 2>/dev/null) || before=
  if [[ -n "$before" ]]; then
    ln -sfn -- "$before" "$lab/_isaac_sim"
  elif [[ "$(readlink -- "$lab/_isaac_sim")" == "$sim" ]]; then
    rm -f -- "$lab/_isaac_sim"
  fi
  if [[ -f "$lab/$KITS/$STATE_MARKER" ]]; then rm -rf -- "${lab:?}/$KITS"; fi
  [[ ! -e "$lab/$KITS.before" || -e "$lab/$KITS" ]] || mv -- "$lab/$KITS.before" "$lab/$KITS"
  while IFS= read -r folder; do
    [[ "$folder" != "$lab"/source/*/*.egg-info ]] || rm -rf -- "$folder"
  done < <(cat "$STATE/egg-info" 2>/dev/null)
}

# What the archive brought and what a running Isaac Sim leaves. Any other file stays, with its
# folders.
remove_sim() {
  local others
  others=$(mktemp)
  files_of_sim "$1" | LC_ALL=C comm -z -13 "$SIM_FILES" - | grep -zvE "$RUN_TIME" | tr '\0' '\n' >"$others" || true
  drop_merged_files "$others"
  if [[ ! -s "$others" ]]; then
    rm -rf -- "$1"
  else
    files_of_sim "$1" | grep -zvFx -f "$others" | (cd -- "$1" && xargs -0 rm -f --)
    find "$1" -depth -type d -empty -delete
    while IFS= read -r item; do say "  kept: $1/${item#./}, which set-up did not make"; done <"$others"
  fi
  rm -f -- "$others"
}

# kit/data/documents stands for ~/Documents/Kit of a user.
RUN_TIME='^\./kit/(cache|logs)/|^\./kit/data/(Kit|.*\.(lock|json)$)|/__pycache__/|\.pyc$'

files_of_sim() { (cd -- "$1" && find . ! -type d -print0 | LC_ALL=C sort -z); }

# Packages go with Isaac Sim; their files are not the user's.
drop_merged_files() {
  local merged
  merged=$(mktemp)
  sed 's|^|./kit/python/|' "$STATE"/files-* >"$merged" 2>/dev/null || true
  grep -vFx -f "$merged" "$1" >"$1.new" || true
  mv -- "$1.new" "$1"
  rm -f -- "$merged"
}

remove_state() {
  local name
  for name in receipt-isaac_lab unfinished choices licence archive.lock isaac_sim.files isaac_lab.link isaac_lab.cloned \
    robot.cloned egg-info task-packages; do
    rm -f -- "$STATE/$name"
  done
  for name in packages robot task_packages; do forget_merge "$name"; done
  release "$install"
  release "$ROOT/$STATE"
}

# The marker goes when nothing else is left.
release() {
  [[ -d "$1" ]] || return 0
  if [[ "$(ls -A -- "$1")" == "$STATE_MARKER" ]]; then
    rm -f -- "$1/$STATE_MARKER"
    rmdir -- "$1"
  fi
}

lock() {
  [[ -d .cache ]] || return 0
  exec 9>.cache/setup.lock
  flock -n 9 || die "a set-up is running in this checkout; wait for it to end, then: make uninstall"
}

main() {
  clean_environment
  pip_environment
  read_arguments "$@"
  read_places
  isaac_pip_environment
  again='make uninstall'
  look
  if ((${#items[@]} == 0)); then
    say "uninstall: nothing is installed"
    return
  fi
  say "uninstall: this is removed:"
  show
  ask
  lock
  mkdir -p .cache/tmp
  : >"$PARTS_LOG"
  remove_all
  rm -rf .cache/tmp
  [[ "$wanted" == isaac ]] || [[ -L .cache ]] || rm -rf .cache
  say "uninstall: done"
}

main "$@"
