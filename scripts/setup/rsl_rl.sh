#!/usr/bin/env bash
# Another rsl_rl in .venv than the one that the lock pins: a release of pip's index by its number,
# a folder with its source, or a git address. It stays chosen until another is asked for.
# usage: scripts/setup/rsl_rl.sh step_name|needs|judge|remember|inputs|check|install|report
#   judge     end with one line if what is asked for can be seen to be wrong before any work
#   remember  write down what is asked for, so that a killed set-up goes on to it

set -euo pipefail

program=setup
# shellcheck source=scripts/lib.sh
source "${BASH_SOURCE[0]%/*}/../lib.sh"
# shellcheck source=scripts/git.sh
source scripts/git.sh
# shellcheck source=scripts/pip.sh
source scripts/pip.sh

LOCK=env/mujoco.lock
RSL_RL_RECEIPT=.venv/receipt-rsl_rl
WORK=.cache/tmp/rsl_rl

step_name() {
  if is_number "$wanted"; then say "installing rsl_rl $wanted in .venv"; else say "installing rsl_rl from $wanted in .venv"; fi
}

# A few MB.
needs() { say 0; }

inputs() { say "release $wanted"; }

# Without a word from the user, what is chosen counts as done by its receipt. A number that is given
# again is looked at; behind a path or an address the files may have changed.
check() {
  if choice_is_made; then
    [[ -z "$asked" && "$chosen" == "$(receipt_value release "$RSL_RL_RECEIPT")" ]] || return
  fi
  [[ -n "${SETUP_RSL_RL-}" ]] || return 0
  # The pinned release as a choice of its own is not the same as none.
  [[ "$wanted" == "${chosen:-$pinned}" && "$chosen" != "$pinned" ]] && is_intact
}

# Nothing of the installed rsl_rl is touched until the new one is built and imports. From there on
# the choice is the new one, and without a receipt the next set-up does the exchange again.
install() {
  judge
  local wheel distribution version
  fetch || fetch_failed
  identify
  try
  write_choice "$wanted" "$asked"
  rm -f "$RSL_RL_RECEIPT"
  remove_old
  pip "$distribution $version" install --no-deps --no-index "$wheel" || pip_failed "$distribution"
  rm -rf .cache/pip
  settle
  say "setup: rsl_rl is now the distribution $distribution $version"
}

report() {
  local version
  read -r _ version <<<"$(receipt_value installed "$RSL_RL_RECEIPT")"
  if is_number "$chosen"; then say "rsl_rl $chosen"; else say "rsl_rl $version from $chosen"; fi
}

# --- the choice ----------------------------------------------------------------------------------

# Sets `pinned`, `chosen` (what is or was being installed), `asked` (what is not done yet) and
# `wanted`.
read_choice() {
  pinned=$(locked rsl-rl-lib)
  pinned=${pinned#*==}
  chosen=$(receipt_value release "$CHOICE")
  asked=$(receipt_value asked "$CHOICE")
  wanted=${SETUP_RSL_RL:-${asked:-${chosen:-$pinned}}}
}

write_choice() {
  {
    [[ -z "$1" ]] || say "release $1"
    [[ -z "$2" ]] || say "asked $2"
  } | write_receipt "$CHOICE"
}

remember() {
  [[ -n "${SETUP_RSL_RL-}" ]] || return 0
  mkdir -p .venv
  : >"$MARKER"
  write_choice "$chosen" "$wanted"
}

# What cannot be had changes nothing: the choice is again the one before.
withdraw() {
  if [[ -n "$chosen" ]]; then write_choice "$chosen" ''; else rm -f "$CHOICE"; fi
}

# Whoever asks for the pinned release has no choice of their own any more, and follows the pin.
settle() {
  if [[ "$asked" == "$pinned" ]]; then
    rm -f "$CHOICE"
  else
    {
      inputs
      say "installed $distribution $version"
    } | write_receipt "$RSL_RL_RECEIPT"
    write_choice "$wanted" ''
  fi
}

# --- what is asked for ---------------------------------------------------------------------------

is_number() { [[ "$1" =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]]; }

is_git() { [[ "$1" =~ ^git\+(https?|ssh|git|file):// ]]; }

# Each line ends with a command that leads on, also where the choice was made long ago.
judge() {
  case $wanted in
    1.0.2 | 2.0.0 | 2.0.1)
      die "rsl_rl '$wanted' is a git tag only, pip's package index does not have it; take it from" \
        "there: $(command_for "git+$RSL_RL_REPOSITORY@v$wanted")"
      ;;
    *$'\n'*) die "RSL_RL has a line break; $another" ;;
  esac
  if is_number "$wanted"; then
    return
  elif is_git "$wanted"; then
    have git || die "git is not on PATH and RSL_RL '$wanted' needs it; install it, for instance:" \
      "sudo apt install git, then: $again"
  elif [[ "$wanted" == *://* && "$wanted" != git+* ]]; then
    die "RSL_RL '$wanted' is not a git address, which begins with 'git+'; try: $(command_for "git+$wanted")"
  elif [[ -d "$wanted" || "$wanted" == */* && "$wanted" != git+* ]]; then
    judge_folder
  else
    die "RSL_RL '$wanted' is not valid; it is a release's number ($pinned), the folder of a checkout" \
      "of rsl_rl, or a git address (git+$RSL_RL_REPOSITORY@v$pinned); $another"
  fi
}

judge_folder() {
  local folder
  [[ -d "$wanted" ]] || die "RSL_RL '$wanted' is not a folder (a relative path counts from '$ROOT'); $another"
  [[ -f "$wanted/setup.py" || -f "$wanted/pyproject.toml" ]] ||
    die "RSL_RL '$wanted' holds neither setup.py nor pyproject.toml, so it is not rsl_rl's source; $another"
  folder=$(cd -- "$wanted" && pwd -P) || die "RSL_RL '$wanted' cannot be entered; $another"
  [[ "$ROOT/" != "${folder%/}/"* ]] ||
    die "RSL_RL '$wanted' is this checkout or holds it, so it is not rsl_rl's source; $another"
}

# The make command that asks for it, as a user would type it.
command_for() {
  local word=$1
  [[ "$word" =~ ^[A-Za-z0-9_./:@+=,-]+$ ]] || word="'${word//\'/\'\\\'\'}'"
  printf 'make setup SIM=mujoco RSL_RL=%s' "$word"
}

# --- fetching ------------------------------------------------------------------------------------

# Sets `wheel`. A wheel that is there before anything goes makes the exchange short and certain.
fetch() {
  rm -rf "$WORK"
  mkdir -p "$WORK/wheel"
  if [[ "$wanted" == "$pinned" ]]; then
    lock_entry >"$WORK/lock"
    fetch_wheel "download" --require-hashes --only-binary :all: -r "$WORK/lock" || return
  elif is_number "$wanted"; then
    fetch_wheel "download" --only-binary :all: "rsl-rl-lib==$wanted" || return
  elif is_git "$wanted"; then
    fetch_wheel "clone and build" --use-pep517 "$wanted" || return
  else
    copy_source || return
    fetch_wheel "build" --use-pep517 "$WORK/source" || return
  fi
  for wheel in "$WORK"/wheel/*.whl; do return; done
  return 1
}

fetch_wheel() { pip "$1" wheel --no-deps --wheel-dir "$WORK/wheel" "${@:2}"; }

lock_entry() { awk '/^rsl-rl-lib==/ { on = 1 } on { print } on && !/\\$/ { exit }' "$LOCK"; }

# pip builds in place. The user's folder stays as it is, and what an earlier build left there, maybe
# of another release, does not get into the package.
copy_source() {
  local entry entries=()
  for entry in "${wanted%/}"/*; do
    case ${entry##*/} in
      .git | .venv | build | *.egg-info) ;;
      *) entries+=("$entry") ;;
    esac
  done
  mkdir "$WORK/source"
  part "copy" cp -R -- "${entries[@]}" "$WORK/source/"
}

fetch_failed() {
  withdraw
  if is_git "$wanted" && said '^ *error: pathspec |not our ref|find remote ref'; then
    die "RSL_RL '$wanted' names no tag, branch or commit of its repository; check it, then: $again"
  elif is_git "$wanted" && said '(× |: )git [a-z]' && ! said 'No space left on device'; then
    die "git cannot get RSL_RL '$wanted' ($(git_said)); check the address and the connection, then: $again"
  elif [[ "$wanted" != "$pinned" ]] && said 'rsl-rl-lib==.* \(from versions: [0-9]'; then
    die "pip's package index has no 'rsl-rl-lib==$wanted', it has $(quote '.*\(from versions: ([^)]+)\).*'); $another"
  fi
  pip_failed "rsl_rl"
}

# The first line that git, or the ssh that it runs, printed in the command that failed.
git_said() {
  part_output | LC_ALL=C awk '
    /Running command git/ { line = ""; open = 1; next }
    open && line == "" && tolower($0) !~ /^ *warning:/ { line = $0 }
    END { sub(/^ +/, "", line); print line }'
}

# Sets `distribution` and `version`, from the wheel's name.
identify() {
  IFS=- read -r distribution version _ <<<"${wheel##*/}"
  case $distribution in
    rsl_rl) ;;
    rsl_rl_lib) distribution=rsl-rl-lib ;;
    *)
      withdraw
      die "RSL_RL '$wanted' is the package '$distribution $version', not rsl_rl or rsl-rl-lib; $another"
      ;;
  esac
}

# Unpacks it apart from .venv and imports it there.
try() {
  local folder="$WORK/package"
  part "check" .venv/bin/python -I -c '
import sys, zipfile

wheel, folder = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    archive.extractall(folder)
    archive.getinfo("rsl_rl/__init__.py")
sys.path.insert(0, folder)
import rsl_rl.runners
' "$wheel" "$folder" && return
  withdraw
  if said 'Errno 28|No space left on device'; then pip_failed "rsl_rl"; fi
  [[ -f "$folder/rsl_rl/__init__.py" ]] ||
    die "RSL_RL '$wanted' is '$distribution $version' without the package 'rsl_rl' in it; $another"
  die "$distribution $version does not import in .venv ($(part_output | tail -n 1)); the full log is $PARTS_LOG; $another"
}

# --- .venv ---------------------------------------------------------------------------------------

# Both distributions install the folder rsl_rl, and pip sees no conflict in that. What pip cannot
# remove is what a kill or a hand left: its own folders under a name with ~, metadata without a list
# of files, a package that belongs to nobody.
remove_old() {
  local site
  pip "removal of the old one" uninstall -y rsl_rl rsl-rl-lib || true
  for site in .venv/lib/python3*/site-packages; do
    rm -rf "$site/rsl_rl" "$site"/rsl_rl{,_lib}-*.{dist,egg}-info "$site"/~sl_rl*
  done
}

# Whether exactly one distribution is there, in the wanted version and with the files it came with.
is_intact() {
  .venv/bin/python -I -c '
import csv, hashlib, sys
from base64 import urlsafe_b64encode
from importlib.metadata import distributions

[found] = [d for name in ("rsl_rl", "rsl-rl-lib") for d in distributions(name=name)]
for path, recorded, _ in csv.reader(found.read_text("RECORD").splitlines()):
    if recorded:
        kind, _, digest = recorded.partition("=")
        now = hashlib.new(kind, found.locate_file(path).read_bytes()).digest()
        if urlsafe_b64encode(now).decode().rstrip("=") != digest:
            sys.exit(1)
sys.exit(found.version != sys.argv[1])
' "$wanted"
}

main() {
  clean_environment
  pip_environment
  git_without_questions # for pip's git too
  shopt -s dotglob nullglob
  read -r python_version _ <<<"$(receipt_value python "$RECEIPT")"
  read_choice
  again=$(command_for "$wanted")
  another="choose another: $(command_for "$pinned")"
  "$1"
}

main "$@"
