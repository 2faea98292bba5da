#!/usr/bin/env bash
# Deletes the caches, logs and crash dumps of the simulators: lists each with its size and what
# deleting it costs, then asks. Settings, downloaded extensions and recorded data are not among them.
# No link is followed and no mount point entered, and nothing is deleted while a simulator runs or
# a process works in one of them. Fails if it had to leave something alone.
# usage: scripts/clean_caches.sh [--yes=1]
#   --yes=1  do not ask

set -euo pipefail

program=clean-caches
# shellcheck source=scripts/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=scripts/isaac.sh
source scripts/isaac.sh

shopt -s extglob
TOOLS='du find rm tail'
# Isaac Lab writes converted assets and terrains here, whatever TMPDIR is.
LAB_TMP=/tmp

read_arguments() {
  yes='' failed='' said=''
  local argument tool
  for argument in "$@"; do
    case $argument in
      --yes=1) yes=1 ;;
      --yes=*) ;;
      *) die "unknown argument '$argument'; see the head of scripts/clean_caches.sh" ;;
    esac
  done
  for tool in $TOOLS; do
    have "$tool" || die "'$tool' is not on PATH; install coreutils and findutils, then: make clean-caches"
  done
}

# Says once that something is left alone; the status tells too.
leave() { fail "$* left alone"; }

fail() {
  failed=1
  say_once "$*"
}

say_once() {
  [[ "$said" == *"|$1|"* ]] || warn "$1"
  said+="|$1|"
}

# --- what there is -------------------------------------------------------------------------------

# Sets `root` to where a folder really is, or to nothing.
find_root() {
  local name=$1 path=$2
  root=''
  if [[ "$path" != /* || "$path/" == */../* ]]; then
    leave "$name '$(printable "$path")' must be an absolute path without '..'; what is below it is"
  elif cd -P -- "$path" 2>/dev/null; then
    root=/${PWD##+(/)}
  elif [[ -e "$path" ]]; then
    leave "$name '$(printable "$path")' cannot be entered; what is below it is"
  fi
  if [[ "$root" == / ]]; then
    root=''
    leave "$name '$(printable "$path")' must not be the root of the file system; what is below it is"
  fi
}

find_caches() {
  folders=() patterns=() costs=() sizes=() roots=() home=''
  read_mount_points
  find_root HOME "${HOME-}"
  home=$root
  find_root 'the root of Isaac Sim' "$sim"
  sim=$root
  find_sim_caches
  root=$home
  find_home_caches
  find_temporary_caches
  root=$ROOT
  find_own_caches
}

find_sim_caches() {
  look kit/cache/shadercache/ 'minutes on the next start that renders'
  look kit/cache/DerivedDataCache/ 'meshes and terrains are cooked again'
  look "kit/cache/Kit/*/$ISAAC_SIM/" 'nothing'
  look "kit/logs/Kit/*/$ISAAC_SIM/kit_*.log" 'the history'
  look "kit/data/Kit/*/$ISAAC_SIM/*.dmp" 'nothing but a crash report'
  look "kit/data/Kit/*/$ISAAC_SIM/crash_*.txt" 'nothing but a crash report'
}

find_home_caches() {
  look .cache/ov/ 'shaders are built and assets downloaded again'
  look .cache/nvidia/GLCache/ 'all OpenGL and Vulkan programs compile their shaders again'
  look .nv/ComputeCache/ 'all CUDA programs compile their kernels again'
}

find_temporary_caches() {
  local first
  find_root TMPDIR "${TMPDIR:-$LAB_TMP}"
  first=$root
  find_lab_caches
  find_root /tmp "$LAB_TMP"
  [[ "$root" == "$first" ]] || find_lab_caches
}

# Not all of isaaclab/logs: recorded datasets go there too.
find_lab_caches() {
  look 'isaaclab/logs/isaaclab_*.log' 'the history'
  look 'IsaacLab/usd_*/' 'assets are converted again'
  look isaaclab/terrains/ 'terrains are generated again'
}

# Where clean_environment leads what would be in the home, too.
find_own_caches() {
  local name
  for name in warp torchinductor triton cuda; do
    look ".cache/$name/" 'kernels are compiled again'
  done
  look .cache/ov/ 'shaders are built and assets downloaded again'
  look .cache/nvidia/GLCache/ 'shaders are compiled again'
}

# look PATTERN COST: notes what fits below `root`. A `/` at the end of a pattern means folders.
look() {
  local folder parent=${1%/} names=()
  [[ -n "$root" ]] || return 0
  parent=${parent%/*}
  # shellcheck disable=SC2086 # the pattern is to be expanded; it has no spaces
  for folder in "$root"/$parent; do
    find_names "$root" "$folder" "${1#"$parent"/}"
    ((${#names[@]} > 0)) || continue
    roots+=("$root") folders+=("$folder") patterns+=("${1#"$parent"/}") costs+=("$2")
    sizes+=("$(size_of "${names[@]}")")
  done
}

# Changes to a folder and sets `names` to what fits a pattern there and may be deleted.
find_names() {
  local root=$1 folder=$2 pattern=${3%/} kind=-f name path
  names=()
  [[ "$3" != */ ]] || kind=-d
  if ! cd -P -- "$folder" 2>/dev/null; then
    [[ ! -d "$folder" ]] || leave "'$(shown "$folder")' cannot be entered;"
    return 0
  fi
  # shellcheck disable=SC2231 # the pattern is to be expanded; it has no spaces
  for name in ./$pattern; do
    path=$folder/${name#./}
    if [[ -L "$name" ]]; then
      leave "'$(shown "$path")' is a link;"
    elif test ! "$kind" "$name"; then
      continue
    elif [[ "$PWD" != "$folder" ]]; then
      leave "'$(shown "$path")' lies behind a link;"
    elif holds_mount_point "$path"; then
      leave "'$(shown "$path")' is or holds a mount point;"
    elif is_shared "$root" && ! is_own "$root" "$path"; then
      say_once "'$(shown "$path")' belongs to another user; left alone"
    else
      names+=("$name")
    fi
  done
}

# In a folder like /tmp anybody can put anything.
is_shared() { [[ "$1" != "$home" && "$1" != "$sim" && "$1" != "$ROOT" ]]; }

is_own() {
  local root=$1 path=$2
  while [[ "$path" != "$root" ]]; do
    [[ -O "$path" ]] || return
    path=${path%/*}
  done
}

read_mount_points() {
  local path
  mount_points=()
  while read -r _ _ _ _ path _; do
    # It has spaces and the like as octal numbers.
    printf -v path '%b' "$path"
    mount_points+=("$path")
  done </proc/self/mountinfo
}

# A bind mount has the device of what it shows, so rm --one-file-system alone would enter it.
holds_mount_point() {
  local point
  for point in "${mount_points[@]}"; do
    [[ "$point" != "$1" && "$point" != "$1"/* ]] || return 0
  done
  return 1
}

# Bytes on the disk. What cannot be read, rm will complain about.
size_of() {
  local total
  total=$(du -scB1 -- "$@" 2>/dev/null | tail -n 1) || true
  printf '%s' "${total%%[!0-9]*}"
}

# --- what is said --------------------------------------------------------------------------------

shown() {
  local path=$1
  [[ -z "${home-}" || "$path" != "$home"/* ]] || path="~${path#"$home"}"
  printable "$path"
}

printable() { printf '%s' "${1//[[:cntrl:]]/?}"; }

human() {
  local tenths=$(($1 * 10)) unit
  for unit in B kB MB; do
    if ((tenths < 10000)); then
      printf '%d %s' "$((tenths / 10))" "$unit"
      return
    fi
    tenths=$((tenths / 1000))
  done
  printf '%d.%d GB' "$((tenths / 10))" "$((tenths % 10))"
}

list() {
  local i path width=5
  total=0
  for i in "${!folders[@]}"; do
    path=$(shown "${folders[i]}/${patterns[i]%/}")
    ((${#path} <= width)) || width=${#path}
    total=$((total + sizes[i]))
  done
  printf '%9s  cache%*s  deleting costs\n' size "$((width - 5))" ''
  for i in "${!folders[@]}"; do
    path=$(shown "${folders[i]}/${patterns[i]%/}")
    # printf pads to bytes, not to letters.
    printf '%9s  %s%*s  %s\n' "$(human "${sizes[i]}")" "$path" "$((width - ${#path}))" '' "${costs[i]}"
  done
  printf '%9s  in all\n' "$(human "$total")"
}

# Ends here without a yes.
ask() {
  local answer=''
  [[ -z "$yes" ]] || return 0
  [[ -t 0 && -t 1 ]] || die "there is no terminal to ask on; to delete these: make clean-caches YES=1"
  read -r -p "delete $(count), $(human "$total")? [y/N] " answer || say
  [[ "${answer,,}" =~ ^(y|yes)$ ]] || die "nothing was deleted"
}

count() { if ((${#folders[@]} == 1)); then say 'this cache'; else say "these ${#folders[@]} caches"; fi; }

# --- who holds them ------------------------------------------------------------------------------

# Ends here if a simulator runs, or if a process works in one of the caches.
refuse_if_held() {
  local link target pid why
  cd -- "$ROOT"
  [[ -e /proc/$$/exe ]] || die "cannot see in '/proc' whether a simulator runs; mount it, then: make clean-caches"
  while IFS= read -r -d '' link && IFS= read -r -d '' target; do
    [[ "$target" == /* ]] || continue
    pid=${link#/proc/}
    pid=${pid%%/*}
    why=''
    judge_link "${link#/proc/"$pid"/}" "$target"
    [[ -z "$why" ]] || die "process $pid ($(name_of "$pid")) $why; end it, then: make clean-caches"
  done < <(find /proc/[0-9]*/{exe,cwd,fd} -maxdepth 1 -type l -printf '%p\0%l\0' 2>/dev/null)
}

# Sets `why` if what a link of process `pid` leads to forbids deleting.
judge_link() {
  local i pattern
  if [[ "$1" == exe && -n "$sim" && "$2" == "$sim"/* ]]; then
    why="runs from '$(shown "$sim")'"
  elif [[ "$1" == cwd && "$2" == "$ROOT" ]] && is_run "$pid"; then
    why='is a run of this checkout'
  fi
  for i in "${!folders[@]}"; do
    [[ -z "$why" && "$2" == "${folders[i]}"/* ]] || continue
    # The driver's, which every program with a window holds; it bears their loss at any time.
    [[ "${folders[i]}" != "$home"/.cache/nvidia && "${folders[i]}" != "$home"/.nv ]] || continue
    pattern=${patterns[i]%/}
    # shellcheck disable=SC2053 # it is a pattern
    [[ "${2#"${folders[i]}"/}" != $pattern && "${2#"${folders[i]}"/}" != $pattern/* ]] || why="holds '$(shown "$2")'"
  done
}

is_run() {
  local words=()
  { mapfile -d '' -t words <"/proc/$1/cmdline"; } 2>/dev/null || return
  [[ "${words[*]}" == *' -m runners.'@(train|play)?( *) ]]
}

name_of() {
  local name='?'
  { IFS= read -r name <"/proc/$1/comm"; } 2>/dev/null || true
  printable "$name"
}

# --- deleting ------------------------------------------------------------------------------------

delete() {
  local i name complaint before names freed=0
  read_mount_points
  for i in "${!folders[@]}"; do
    find_names "${roots[i]}" "${folders[i]}" "${patterns[i]}"
    ((${#names[@]} > 0)) || continue
    before=$(size_of "${names[@]}")
    for name in "${names[@]}"; do
      complaint=$(rm -rf --one-file-system -- "$name" 2>&1) ||
        fail "'$(shown "${folders[i]}/${name#./}")' could not all be deleted: ${complaint%%$'\n'*}"
    done
    freed=$((freed + before - $(size_of "${names[@]}")))
  done
  say "clean-caches: $(human "$freed") freed"
}

main() {
  read_arguments "$@"
  # Only what was chosen counts here, not what the environment happens to have.
  unset "${!SETUP_@}"
  read_places
  find_caches
  if ((${#folders[@]} == 0)); then
    say "clean-caches: there is nothing to delete"
  else
    list
    refuse_if_held
    ask
    # An answer can take its time.
    [[ -n "$yes" ]] || refuse_if_held
    delete
  fi
  [[ -z "$failed" ]]
}

main "$@"
