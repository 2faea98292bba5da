#!/usr/bin/env bash
# Downloads into a folder all that `make setup OFFLINE=folder` needs on a machine without network.
# usage: scripts/bundle.sh --out=FOLDER [--isaac-sim-zip=FILE] [--isaac-sim-url=URL]
#          [--pip-index-url=URL] [--git-host=URL] [--assets=FOLDER] [--python=PATH]

set -euo pipefail

program=bundle
# shellcheck source=scripts/lib.sh
source "${BASH_SOURCE[0]%/*}/lib.sh"
# shellcheck source=scripts/isaac.sh
source scripts/isaac.sh
# shellcheck source=scripts/git.sh
source scripts/git.sh
# shellcheck source=scripts/pip.sh
source scripts/pip.sh

read_arguments() {
  local argument value
  out='' zip='' url=$ARCHIVE_URL assets='' named_python=''
  for argument in "$@"; do
    value=${argument#*=}
    case $argument in
      --out=*) out=$(absolute "$value") ;;
      --isaac-sim-zip=*) zip=$(absolute "$value") ;;
      --isaac-sim-url=*) url=$value ;;
      --pip-index-url=*) export PIP_INDEX_URL=$value ;;
      --git-host=*) SETUP_GIT_HOST=$value ;;
      --assets=*) assets=$(absolute "$value") ;;
      --python=*) named_python=$value ;;
      *) die "unknown argument '$argument'; see the head of scripts/bundle.sh" ;;
    esac
  done
  again="make bundle OUT=$out"
}

preflight() {
  local tool missing=''
  for tool in curl git sha256sum stat; do have "$tool" || missing+=" $tool"; done
  [[ -z "$missing" ]] || die "not on PATH:$missing; install them: sudo apt install curl git coreutils, then: $again"
  [[ -z "$zip" || -f "$zip" ]] || die "ISAAC_SIM_ZIP '$zip' is not a file; name the archive, then: $again"
  [[ ! -e "$out" || -f "$out/$BUNDLE_MARKER" || -z "$(ls -A -- "$out" 2>&1)" ]] ||
    die "OUT '$out' is not empty and not a bundle; name another folder: make bundle OUT=/path/to/folder"
  mkdir -p -- "$out" 2>/dev/null || die "cannot make the folder OUT '$out'; name another: make bundle OUT=/path/to/folder"
  { : >>"$out/$BUNDLE_MARKER"; } 2>/dev/null || die "cannot write in OUT '$out'; name another: make bundle OUT=/path/to/folder"
}

get_archive() {
  [[ ! -f "$out/$ARCHIVE" ]] || return 0
  if [[ -n "$zip" ]]; then
    part "copy of the archive" copy_whole "$zip" "$out/$ARCHIVE" || die "cannot copy '$zip': $(last_line); then: $again"
  else
    part "download" scripts/download.sh "$url" "$out/$ARCHIVE" || die "$(last_line); then: $again"
  fi
}

copy_whole() { cp --reflink=auto -- "$1" "$2.part" && mv -- "$2.part" "$2"; }

get_repositories() {
  local line path url
  bare isaac-sim/IsaacLab "$ISAAC_LAB_COMMIT"
  bare leggedrobotics/rsl_rl "$ISAAC_RSL_RL_COMMIT"
  bare "$ROBOT_REPOSITORY" "$ROBOT_COMMIT"
  # The robot's submodules, as its commit pins them.
  while read -r _ _ line path; do
    url=$(git -C "$out/git/$ROBOT_REPOSITORY.git" config --blob "$ROBOT_COMMIT:.gitmodules" --get "submodule.$path.url")
    url=${url#*github.com[:/]}
    bare "${url%.git}" "$line"
  done < <(git -C "$out/git/$ROBOT_REPOSITORY.git" ls-tree -r "$ROBOT_COMMIT" | awk '$2 == "commit"')
}

# bare OWNER/NAME COMMIT: a repository of that commit alone, which may be asked for by its name.
bare() {
  local folder=$out/git/$1.git
  [[ "$(git -C "$folder" rev-parse -q --verify refs/heads/pinned 2>/dev/null)" != "$2" ]] || return 0
  git init -q --bare -- "$folder"
  git -C "$folder" config uploadpack.allowAnySHA1InWant true
  part "git fetch of $1" git -C "$folder" fetch -q --depth 1 "$(declared_url "$1")" "+$2:refs/heads/pinned" ||
    die "git cannot get commit $2 of $1 ($(git_said)); check the connection, then: $again"
}

# A Python of its own for pip, and for reading assets.
make_builder() {
  builder=.cache/tmp/builder
  part "virtual environment" "$python" -I -m venv "$builder" || die "'$python -m venv' failed: $(last_line); then: $again"
  pip_command=("$builder/bin/python" -m pip)
}

# What the default tasks' scenes are made of, for a machine that cannot reach NVIDIA's server.
get_assets() {
  [[ -z "$assets" || -f "$assets/$GROUND_PLANE" ]] ||
    die "ASSETS '$assets' has no '$GROUND_PLANE'; name the folder in which NVIDIA's Isaac/ and NVIDIA/ are, then: $again"
  pip "what reads assets" "${INSTALL[@]}" --require-hashes --no-deps -r env/bundle.lock || pip_failed "what reads assets"
  part "assets" "$builder/bin/python" -I scripts/assets.py "${assets:-$ASSETS_URL}" env/assets.txt "$out/assets" ||
    die "$(last_line | sed 's/^assets: //') from ${assets:-$(host_of "$ASSETS_URL")}; check the connection, or name a" \
      "folder that has them: $again ASSETS=/path"
  part_output | sed -n 's/^note: /  not there, and only referred to: /p'
}

# For Isaac Sim's Python, which is not here.
get_wheels() {
  local name platforms=() minor
  for ((minor = 35; minor >= 5; minor--)); do platforms+=(--platform "manylinux_2_${minor}_x86_64"); done
  for name in manylinux2014 manylinux2010 manylinux1 linux; do platforms+=(--platform "${name}_x86_64"); done
  pip "build tools" "${INSTALL[@]}" --require-hashes --no-deps -r env/isaac-build.lock || pip_failed "the build tools"
  for name in isaac-build isaac isaac-rsl_rl; do
    pip "packages of env/$name.lock" download --no-deps --require-hashes --no-build-isolation --dest "$out/wheels" \
      --only-binary :all: --no-binary flatdict,antlr4-python3-runtime \
      --python-version "$ISAAC_PYTHON" --implementation cp "${platforms[@]}" -r "env/$name.lock" ||
      pip_failed "the packages of env/$name.lock"
  done
}

main() {
  clean_environment
  pip_environment
  read_arguments "$@"
  git_environment
  find_python "$named_python"
  preflight
  rm -rf .cache/tmp
  mkdir -p .cache/tmp
  : >"$PARTS_LOG"
  get_repositories
  make_builder
  get_assets
  get_wheels
  get_archive # the largest comes last: what cannot be reached is known before
  pins_of_bundle | write_receipt "$out/$BUNDLE_MARKER"
  rm -rf .cache/tmp .cache/pip
  say "bundle: $(du -sh -- "$out" | cut -f 1) in '$out'; there: make setup OFFLINE=/path/to/it"
}

main "$@"
