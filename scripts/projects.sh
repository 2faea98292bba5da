# shellcheck shell=bash disable=SC2154
# The user's own projects with tasks, which set-up installs editable into a simulator's Python, with
# what they require and is not there. Sourced after lib.sh and pip.sh by the steps for them, which set
# `chosen` (the words of TASK_PACKAGE, joined by commas), `sim_name` and `again`.

# Prints lines `project<TAB>module`; on stderr one line for what cannot be installed.
find_projects() { "$1" -m runners.simulators.task_packages "$chosen"; }

complaint_about_projects() {
  local complaint
  complaint=$(find_projects "$1" 2>&1 >/dev/null) ||
    say "${complaint##*$'\n'}; or leave it out: make setup SIM=$sim_name TASK_PACKAGE=none"
}

# judge_projects PYTHON: ends here if nothing can be installed.
judge_projects() {
  local complaint
  complaint=$(complaint_about_projects "$1")
  [[ -z "$complaint" ]] || die "$complaint"
}

# Sets `projects` to those of a list.
read_projects() {
  local project
  projects=()
  [[ ! -f "$1" ]] || while IFS= read -r project; do
    projects+=("$project")
  done < <(awk -F '\t' '!seen[$1]++ { print $1 }' "$1")
}

# What decides what pip would install of the projects of a list. Of one that is not there now, maybe on
# a disk that is not mounted, what was written down.
describe_projects() {
  local project file
  read_projects "$1"
  for project in "${projects[@]}"; do
    if [[ -d "$project" ]]; then
      for file in "$project"/{setup.py,setup.cfg,pyproject.toml,config/extension.toml,requirements.txt}; do
        [[ ! -f "$file" ]] || say "file $file $(hash_of "$file")"
      done
    else
      grep -F "file $project/" "$2" 2>/dev/null || true
    fi
  done
}

# --- what they require ---------------------------------------------------------------------------

# in_python COMMAND...: runs the Python of the simulator. pip_alone: its pip without our tools of a build
# on the path, which would count as installed.
# get_requirements FOLDER: writes wheels below it, and into `requirements` their pins.
get_requirements() {
  local work=$1 project editable=() line
  for project in "${projects[@]}"; do editable+=(-e "$project"); done
  part "what is there" in_python scripts/task_requirements.py constraints "$work/constraints" || pip_failed "the projects"
  pip "what it requires" install --dry-run --use-pep517 --no-deps --ignore-installed "${build[@]}" --report "$work/projects" \
    "${editable[@]}" || project_failed
  part "what is missing" in_python scripts/task_requirements.py wanted "$sim_name" "$work/projects" "$work/wanted" ||
    pip_failed "the projects"
  while IFS= read -r line; do warn "$line"; done < <(part_output | LC_ALL=C grep -aE '^(note|warning): ')
  : >"$work/lock"
  : >"$work/direct"
  if [[ -s "$work/wanted" ]]; then
    part "choice of releases" pip_alone install --dry-run --constraint "$work/constraints" \
      --report "$work/choice" -r "$work/wanted" || requirements_failed
    part "their hashes" in_python scripts/task_requirements.py lock "$work/choice" "$work/lock" "$work/direct" ||
      pip_failed "the requirements"
  fi
  get_wheels_of "$work" lock --require-hashes
  get_wheels_of "$work" direct
}

# Sources are built with our own tools; one that wants others gets them from the index.
get_wheels_of() {
  local work=$1 list=$2 arguments=("${@:3}")
  [[ -s "$work/$list" ]] || return 0
  arguments+=(--no-deps --wheel-dir "$work/wheels" -r "$work/$list")
  sed 's/ --hash.*//; s/^/  /' "$work/$list"
  pip "requirements" wheel --no-build-isolation "${arguments[@]}" ||
    part "requirements" pip_alone wheel "${arguments[@]}" || pip_failed "the requirements of ${projects[*]}"
}

requirements_failed() {
  local why
  if said 'ResolutionImpossible|conflicting dependencies'; then
    why=$(part_output | sed -nE 's/^ +(.*depends on|The user requested) (.*)/\1 \2/p' |
      sed -E 's/^The user requested \(constraint\) /installed is /; s/^The user requested /the project asks for /' |
      awk '!seen[$0]++ { printf "%s%s", (NR > 1 ? ", " : ""), $0 }')
    die "what ${projects[*]} require does not go with what is installed, of which nothing is replaced: $why;" \
      "change the requirements in its setup.py, then: $again"
  fi
  pip_failed "the requirements of ${projects[*]}"
}

# The line of the project's own setup.py that fails says more than pip's end.
project_failed() {
  local why
  why=$(part_output | LC_ALL=C grep -aoE '[A-Za-z_.]*(Error|Exception|Exit)(: .*)?$' | tail -n 1) || why=
  said '(Getting requirements to build|Preparing (editable )?metadata|Building).*(did not run|: finished with status .error)' ||
    pip_failed "${projects[*]}"
  die "'${projects[*]}' does not build${why:+ ($why)}; the full log is $PARTS_LOG; mend its setup.py or pyproject.toml, then: $again"
}

# again_with SIMULATOR: the command that asks for it, as a user would type it.
again_with() {
  local word=$chosen
  [[ "$word" =~ ^[A-Za-z0-9_./:@+=,-]*$ ]] || word="'${word//\'/\'\\\'\'}'"
  printf 'make setup SIM=%s%s' "$1" "${word:+ TASK_PACKAGE=$word}"
}

# --- what a build leaves beside the sources ------------------------------------------------------

egg_info_of() {
  local folder
  for folder in "$1"/*.egg-info "$1"/*/*.egg-info; do
    [[ ! -d "$folder" ]] || say "$folder"
  done
}

# note_egg_info RECORD PROJECT...: what is there before our first build, which is the user's.
note_egg_info() {
  local record=$1 project
  [[ ! -f "$record" ]] || cp -- "$record" "$record.new"
  for project in "${@:2}"; do
    ! grep -qxF "project $project" "$record" 2>/dev/null || continue
    say "project $project"
    egg_info_of "$project" | sed 's/^/there /'
  done >>"$record.new"
  mv -f -- "$record.new" "$record"
}

# forget_egg_info RECORD [PROJECT...]: takes away what our builds have left, but in the projects named.
forget_egg_info() {
  local record=$1 project folder
  [[ -f "$record" ]] || return 0
  while IFS= read -r project; do
    [[ $'\n'"$(printf '%s\n' "${@:2}")"$'\n' != *$'\n'"$project"$'\n'* ]] || continue
    while IFS= read -r folder; do
      grep -qxF "there $folder" "$record" || rm -rf -- "$folder"
    done < <(egg_info_of "$project")
    grep -vxF "project $project" "$record" >"$record.new" || true
    mv -f -- "$record.new" "$record"
  done < <(sed -n 's/^project //p' "$record")
  grep -q '^project ' "$record" || rm -f -- "$record"
}
