# shellcheck shell=bash disable=SC2034,SC2153,SC2154
# pip of Isaac Sim's Python, and the way of packages into it: built in a stage, merged at the end.
# Sourced after isaac.sh and pip.sh.

# Uses the functions and variables of pip.sh.
STAGE=$ROOT/.cache/tmp/isaac

isaac_pip_environment() {
  again='make setup'
  python_version=$ISAAC_PYTHON
  if [[ -n "${SETUP_OFFLINE-}" ]]; then
    PIP_FIND_LINKS=$(file_url "$SETUP_OFFLINE/wheels")
    export PIP_FIND_LINKS PIP_NO_INDEX=1
  fi
  isaac_environment
  # The tools of a build lie in front of what this Python has. Two builds are the same: Isaac Lab's
  # setup.py files list a set, and wheels hold the time. Classifiers are not judged, see get_build_tools.
  pip_command=("${isaac_env[@]}" PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0 SOURCE_DATE_EPOCH=1767225600
    HATCH_METADATA_CLASSIFIERS_NO_VERIFY=1 "PYTHONPATH=$STAGE/build" "$sim/python.sh" -m pip)
}

# pip takes a space in that variable for the end of a folder's name.
file_url() {
  local path=${1//'%'/%25}
  printf 'file://%s' "${path// /%20}"
}

site_folder() { printf '%s/kit/python/lib/python%s/site-packages' "$sim" "$ISAAC_PYTHON"; }

new_stage() {
  rm -rf -- "$STAGE/wheels" "$STAGE/root"
  mkdir -p -- "$STAGE/wheels" "$STAGE/root"
}

# Once for all steps of a set-up, and compiled: each build starts them several times. Packages for
# Isaac Sim have classifiers of their own ("Isaac Sim :: 4.5.0"), which setuptools refuses wherever it can
# import the list of the known ones: here it cannot, whatever this Python has.
get_build_tools() {
  [[ ! -f "$STAGE/build.whole" ]] || return 0
  rm -rf -- "$STAGE/build"
  pip "build tools" install --only-binary :all: --require-hashes --no-deps --target "$STAGE/build" \
    -r env/isaac-build.lock || pip_failed "the build tools"
  say 'raise ImportError("classifiers are not judged in this set-up")' >"$STAGE/build/trove_classifiers.py"
  : >"$STAGE/build.whole"
}

# stage LABEL ARGUMENT...: installs all wheels and the given arguments below the stage.
stage() { try_stage "$@" || pip_failed "$1"; }

try_stage() {
  local label=$1 wheel name version wheels=()
  for wheel in "$STAGE"/wheels/*.whl; do
    [[ -f "$wheel" ]] || continue
    IFS=- read -r name version _ <<<"${wheel##*/}"
    wheels+=("$name==$version")
  done
  pip "$label" install --root "$STAGE/root" --ignore-installed --no-compile --no-deps --no-index \
    --find-links "$STAGE/wheels" --no-build-isolation --no-warn-script-location "${wheels[@]}" "${@:2}"
}

# stage_editable LABEL FOLDER...: editable installs of projects that need no more than their folder on
# the path; that is all that they get where one cannot be built.
stage_editable() {
  local folder editable=()
  # The metadata of the robot's speaks of Python 3.10, the one of Isaac Sim 4.5.
  for folder in "${@:2}"; do editable+=(-e "$folder"); done
  try_stage "$1" --ignore-requires-python "${editable[@]}" && return
  ! said 'Errno 28|No space left on device' || pip_failed "$1"
  warn "warning: $1: pip cannot build it ($(build_said)); the folders are put on the path of Isaac Sim's Python instead"
  new_stage
  put_on_path "${@:2}"
}

# The last exception in what a build printed.
build_said() { part_output | sed -nE 's/^ *([A-Za-z_.]+(Error|Exception): .*)/\1/p' | tail -n 1; }

# put_on_path FOLDER...: a .pth file each, below the stage.
put_on_path() {
  local folder site
  find_home
  site=$STAGE/root$home/lib/python$ISAAC_PYTHON/site-packages
  mkdir -p -- "$site"
  for folder in "$@"; do say "$folder" >"$site/isaac-workstation-${folder##*/}.pth"; done
}

# merge NAME [--instead-of DISTRIBUTION...]: moves the stage into Isaac Sim's Python, in place of what
# was merged before under that name.
merge() {
  local name=$1
  undo_merge "$name"
  find_home
  say "$sim" | write_receipt "$STATE/merged-$name"
  part "into Isaac Sim's Python" isaac_python scripts/site_packages.py merge "$STATE" "$name" "$STAGE/root$home" "${@:2}" ||
    die "packages cannot be put into '$sim': $(merge_said); then: $again"
  part_output | sed -n 's/^set aside/  set aside/p'
  sed -nE 's#^lib/python[^/]*/site-packages/(([^/]+\.dist-info)/METADATA|(isaac-workstation-[^/]+\.pth))$#\2\3#p' \
    "$STATE/files-$name" | write_receipt "$STATE/dists-$name"
}

merge_said() { part_output | sed -n 's/^site_packages: //p' | tail -n 1; }

# Sets `home`, where Isaac Sim's Python takes itself to be.
find_home() {
  home=$(isaac_python -c 'import sys; print(sys.prefix)' | tail -n 1) ||
    die "Isaac Sim's Python does not work; check '$sim/python.sh', then: $again"
}

# Whether what was merged is still there: each distribution by its metadata, each folder on the path
# by its file.
is_merged() {
  local dist site
  site=$(site_folder)
  [[ -f "$STATE/files-$1" && -f "$STATE/dists-$1" ]] || return
  while IFS= read -r dist; do
    [[ -f "$site/$dist/METADATA" || -f "$site/$dist" ]] || return
  done <"$STATE/dists-$1"
}

merged_into() { cat "$STATE/merged-$1" 2>/dev/null || say "$sim"; }

# Takes away what was merged, also into another Isaac Sim that was chosen before. Of one that is not
# there now, maybe on a disk that is not mounted, nothing is forgotten: what gave way is kept here.
undo_merge() {
  local before
  before=$(merged_into "$1")
  if [[ -e "$STATE/files-$1" || -e "$STATE/aside-$1" ]] && [[ -x "$before/python.sh" || "$before" != "$install/isaacsim" ]]; then
    [[ -x "$before/python.sh" ]] ||
      die "'$before', where set-up put packages, is not there; bring it back, then: $again; or, if it is gone for good," \
        "remove $STATE/files-$1 and $STATE/aside-$1"
    part "out of Isaac Sim's Python" "${isaac_env[@]}" PYTHONDONTWRITEBYTECODE=1 "$before/python.sh" \
      scripts/site_packages.py undo "$STATE" "$1" || die "packages cannot be taken out of '$before': $(merge_said); then: $again"
  fi
  forget_merge "$1"
}

# The host of the package index, if it can be told.
index_host() {
  local address
  address=${PIP_INDEX_URL-}
  [[ -z "${PIP_NO_INDEX-}" ]] || return 0
  [[ -n "$address" ]] || address=$("${SETUP_PYTHON:-python3}" -I -m pip config get global.index-url 2>/dev/null) ||
    address=$("${SETUP_PYTHON:-python3}" -I -c 'from pip._internal.models.index import PyPI; print(PyPI.url)' 2>/dev/null) ||
    return 0
  [[ "$address" != file:* ]] || return 0
  address=${address#*://} address=${address%%/*} address=${address##*@}
  printf '%s' "${address%:*}"
}
