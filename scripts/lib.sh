# shellcheck shell=bash
# What every script here shares: messages, the clean environment, Python, the lock, parts of work.
# Sourcing it changes to the root of the checkout. The sourcing script sets `program` first.

unset CDPATH
ROOT=$(cd -- "${BASH_SOURCE[0]%/*}/.." && pwd -P)
cd -- "$ROOT" || exit
# shellcheck source=env/pins.env
source env/pins.env

PARTS_LOG=.cache/setup.log
MARKER=.venv/.isaac-workstation
RECEIPT=.venv/receipt
CHOICE=.venv/choice-rsl_rl
# shellcheck disable=SC2034 # for the steps
TASK_CHOICE=.venv/choice-task_packages
# shellcheck disable=SC2034
TASK_EGG_INFO=.venv/egg-info-task_packages
# torch.distributed.run takes up to 30 s of it, to end what waits for a process that is gone.
PATIENCE=45
python='' python_version='' progress=''

say() { printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "${program:?}" "$*" >&2; }
die() {
  warn "$@"
  exit 1
}

have() { type -P "$1" >/dev/null; }

# Whether FORCE goes on past a thing: by its name, or 1 past all.
is_forced() { [[ "${force-}" == 1 || ",${force-}," == *",$1,"* ]]; }

# The host in an address, without user, port and path.
host_of() {
  local rest=${1#*://}
  rest=${rest%%/*} rest=${rest##*@}
  if [[ "$rest" == \[* ]]; then
    rest=${rest#\[} rest=${rest%%\]*}
  else
    rest=${rest%:*}
  fi
  printf '%s' "$rest"
}

# --- environment ---------------------------------------------------------------------------------

# Drops what an active environment or an outer make would change in ours. Sets `dropped` to the
# names that mattered.
clean_environment() {
  local name
  dropped=()
  for name in PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX LD_PRELOAD; do
    [[ -z "${!name-}" ]] || dropped+=("$name")
  done
  PATH=$(path_without_environments)
  unset PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONSAFEPATH PYTHONEXECUTABLE PYTHONPLATLIBDIR
  unset PYTHONUSERBASE PYTHONOPTIMIZE PYTHONINSPECT __PYVENV_LAUNCHER__
  unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT LD_PRELOAD WORLD_SIZE RANK LOCAL_RANK
  unset MFLAGS GNUMAKEFLAGS _CE_CONDA _CE_M "${!MAKE@}" "${!CONDA_@}"
  export PYTHONNOUSERSITE=1 PYTHONUNBUFFERED=1
  export XDG_CACHE_HOME="$ROOT/.cache" WARP_CACHE_PATH="$ROOT/.cache/warp"
  export MPLCONFIGDIR="$ROOT/.cache/matplotlib" CUDA_CACHE_PATH="$ROOT/.cache/cuda"
  export WANDB_CACHE_DIR="${WANDB_CACHE_DIR:-$ROOT/.cache/wandb}"
  export TORCHINDUCTOR_CACHE_DIR="$ROOT/.cache/torchinductor" TRITON_CACHE_DIR="$ROOT/.cache/triton"
}

# PATH without the folders of an active conda or virtual environment.
path_without_environments() {
  local folder kept='' drop=:
  [[ -z "${VIRTUAL_ENV-}" ]] || drop+="$VIRTUAL_ENV/bin:"
  for folder in "${CONDA_PREFIX-}" "${!CONDA_PREFIX_@}"; do
    [[ "$folder" != CONDA_PREFIX_* ]] || folder=${!folder}
    [[ -z "$folder" ]] || drop+="$folder/bin:$folder/condabin:"
  done
  if [[ "${CONDA_EXE-}" == */bin/* ]]; then
    folder=${CONDA_EXE%/bin/*}
    drop+="$folder/bin:$folder/condabin:"
  fi
  local IFS=:
  for folder in $PATH; do
    [[ "$drop" == *":${folder%/}:"* ]] || kept+="${kept:+:}$folder"
  done
  printf '%s' "$kept"
}

# Really writes: permissions say nothing to root or about a read-only file system.
checkout_is_writable() {
  { : >".write-test.$$"; } 2>/dev/null || return
  rm -f ".write-test.$$" 2>/dev/null || true
}

# --- Python --------------------------------------------------------------------------------------

# Sets `python` (the real interpreter, behind links, shims and virtual environments) and
# `python_version`; or fails with a `reason`.
judge_python() {
  local answer kind has_venv
  answer=$("$1" -I -c '
import os, struct, sys
from importlib.util import find_spec
linux = sys.platform.startswith("linux") and struct.calcsize("P") == 8
print("%d.%d.%d" % sys.version_info[:3], sys.implementation.name if linux else sys.platform,
      bool(find_spec("venv") and find_spec("ensurepip")), os.path.realpath(sys.executable))
' 2>/dev/null) || answer=
  # shellcheck disable=SC2034 # python is for the caller
  read -r python_version kind has_venv python <<<"$answer"
  local minor=${python_version#*.}
  minor=${minor%%.*}
  if [[ -z "$answer" ]]; then
    reason='does not run'
  elif [[ "$python_version" != 3.* ]] || ((minor < ${PYTHON_MIN#*.} || minor > ${PYTHON_MAX#*.})); then
    reason="is $python_version"
  elif [[ "$kind" != cpython ]]; then
    reason="is not a 64 bit CPython for Linux"
  elif [[ "$has_venv" != True && "${2-}" != without_venv ]]; then
    reason="has no venv module"
    lacks_venv=${python_version%.*}
  else
    python_version=${python_version%.*}
    return 0
  fi
  return 1
}

# Sets `python` to the one that is named, or to the first good one on PATH.
find_python() {
  local named=$1 name path found='' lacks_venv='' reason=''
  if [[ -n "$named" ]]; then
    path=$(type -P -- "$named") || die "PYTHON '$named' is not a program; give the path of a Python $PYTHON_MIN to $PYTHON_MAX"
    judge_python "$path" "${2-}" && return
    [[ -z "$lacks_venv" ]] || die "$(venv_advice "PYTHON '$named'")"
    die "PYTHON '$named' $reason; give the path of a Python $PYTHON_MIN to $PYTHON_MAX"
  fi
  for name in python3 python3.12 python3.11 python3.13 python3.10; do
    path=$(type -P "$name") || continue
    judge_python "$path" "${2-}" && return
    found+="${found:+, }$name $reason"
  done
  [[ -z "$lacks_venv" ]] || die "$(venv_advice "Python $lacks_venv")"
  die "no Python $PYTHON_MIN to $PYTHON_MAX found (${found:-no python3 on PATH}); install one, for" \
    "instance: sudo apt install python3 python3-venv, or name one: make setup PYTHON=/path/to/python3"
}

venv_advice() {
  printf '%s has no venv module; install it: sudo apt install python%s-venv, then: make %s' \
    "$1" "$lacks_venv" "$program"
}

# --- .venv ---------------------------------------------------------------------------------------

venv_is_ready() { [[ -f "$MARKER" && -f "$RECEIPT" && -x .venv/bin/python ]]; }

# Absent and empty count as ours: a kill can come between mkdir and the marker.
venv_is_ours() {
  [[ ! -L .venv ]] || return 1
  [[ ! -e .venv || -f "$MARKER" ]] || { [[ -d .venv ]] && [[ -z "$(ls -A .venv)" ]]; }
}

# Whether another rsl_rl than the pinned one is chosen, or asked for and not yet there.
choice_is_made() { [[ -s "$CHOICE" ]]; }

# The value of a line `key value` of a receipt.
receipt_value() {
  local line
  [[ -f "$2" ]] || return 0
  while IFS= read -r line; do
    [[ "$line" != "$1 "* ]] || printf '%s' "${line#* }"
  done <"$2"
}

write_receipt() {
  cat >"$1.new"
  mv -f -- "$1.new" "$1"
}

hash_of() {
  local hash
  hash=$(sha256sum "$1")
  printf '%s' "${hash%% *}"
}

# An absolute path. Shells leave the ~ in INSTALL=~/isaac as it is.
absolute() {
  local path=$1
  # shellcheck disable=SC2088
  [[ "$path" != '~/'* ]] || path=$HOME/${path#'~/'}
  [[ "$path" == /* ]] || path=$ROOT/$path
  [[ "$path" == / ]] || path=${path%/}
  printf '%s' "$path"
}

# Paths that are joined by commas, each in full.
absolute_words() {
  local word words all=''
  IFS=, read -r -a words <<<"$1"
  for word in "${words[@]}"; do
    [[ -z "$word" ]] || all+="${all:+,}$(absolute "$word")"
  done
  printf '%s' "$all"
}

# --- GPU -----------------------------------------------------------------------------------------

gpu_is_seen() {
  local gpus
  have nvidia-smi && gpus=$(timeout 20 nvidia-smi -L 2>/dev/null) && [[ "$gpus" == "GPU "* ]]
}

# --- work ----------------------------------------------------------------------------------------

# Runs a command in a process group of its own, so that a signal to this shell ends all of it. With
# `progress` set, the terminal shows that label, the time and what pip is at meanwhile.
supervise() {
  local status=0
  set -m
  "$@" </dev/null &
  set +m
  child=$!
  trap 'end_child 130' INT
  trap 'end_child 143' TERM HUP
  [[ -z "$progress" || ! -t 1 ]] || show_progress
  wait "$child" || status=$?
  trap - INT TERM HUP
  return "$status"
}

end_child() {
  trap '' INT TERM HUP
  [[ -z "$progress" || ! -t 1 ]] || printf '\n'
  kill -TERM -- "-$child" 2>/dev/null || true
  wait "$child" 2>/dev/null || true
  exit "$1"
}

# Runs a command in a process group of its own and passes Ctrl-C and SIGTERM on to all of it, each
# time anew. Then it waits for all of it, as SIGTERM ends a shell at once and not what that waits for;
# what has not ended PATIENCE seconds after the first signal is killed.
attend() {
  local status=0
  asked=''
  set -m
  "$@" </dev/null &
  set +m
  child=$!
  trap 'pass_on INT' INT
  trap 'pass_on TERM' TERM HUP
  while kill -0 -- "${asked:+-}$child" 2>/dev/null; do
    if [[ -z "$asked" ]]; then
      { wait "$child"; } 2>/dev/null || true # a signal interrupts it
    elif ((SECONDS - asked < PATIENCE)); then
      { sleep 0.1; } 2>/dev/null || true
    else
      warn "it did not end within $PATIENCE s of the signal and is killed"
      kill -KILL -- "-$child" 2>/dev/null || true
      break
    fi
  done
  { wait "$child"; } 2>/dev/null || status=$?
  trap - INT TERM HUP
  return "$status"
}

pass_on() {
  asked=${asked:-$SECONDS}
  kill "-$1" -- "-$child" 2>/dev/null || true
}

show_progress() {
  local started=$SECONDS line
  while kill -0 "$child" 2>/dev/null; do
    line=$(part_output | LC_ALL=C grep -aoE '^ *(Downloading .*|Extracting .*|Installing)' | tail -n 1) || line=
    printf '\r  %-26s %4d s  %.38s\033[K' "$progress" "$((SECONDS - started))" "${line#"${line%%[! ]*}"}"
    # Redirected as a group, so that a sleep that a signal ends goes unsaid.
    { sleep 0.5; } 2>/dev/null
  done
  printf '\r\033[K'
}

# part LABEL COMMAND...: the output goes to the log, one line with the time to the terminal.
part() {
  local progress=$1 started=$SECONDS
  shift
  printf '== %s\n' "$progress" >>"$PARTS_LOG"
  part_start=$(wc -l <"$PARTS_LOG")
  supervise logged "$@" || return
  printf '  %-26s %4d s\n' "$progress" "$((SECONDS - started))"
}

logged() { "$@" >>"$PARTS_LOG" 2>&1; }

in_folder() { cd -- "$1" && "${@:2}"; }

# What the last part wrote, without what would change a terminal. A path or a message of a server may
# hold any bytes, so what reads this takes them as bytes.
part_output() { tail -n +"$((part_start + 1))" "$PARTS_LOG" | LC_ALL=C sed 's/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]//g'; }

last_line() { part_output | tail -n 1; }
