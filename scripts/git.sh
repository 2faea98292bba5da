# shellcheck shell=bash disable=SC2034,SC2153,SC2154
# git repositories at a commit, shallow, over https. Sourced after lib.sh.

# Seconds between the tries.
GIT_WAIT=5

# Nobody answers a question that git or ssh puts to the terminal. Submodules that are declared over
# ssh, which needs an account's key, come over https; with OFFLINE all come from that folder.
git_environment() {
  export GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND="${GIT_SSH_COMMAND:-ssh -oBatchMode=yes}" LC_ALL=C.UTF-8 LANGUAGE=
  unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_CONFIG_PARAMETERS
  git_host=$GIT_HOST
  [[ -z "${SETUP_OFFLINE-}" ]] || git_host=file://$SETUP_OFFLINE/git
  GIT_CONFIG_COUNT=0
  git_setting core.autocrlf false
  git_setting advice.detachedHead false
  git_setting "url.$git_host/.insteadOf" git@github.com:
  git_setting "url.$git_host/.insteadOf" ssh://git@github.com/
  if [[ "$git_host" == file://* ]]; then
    git_setting protocol.file.allow always
    git_setting "url.$git_host/.insteadOf" https://github.com/
  fi
  export GIT_CONFIG_COUNT
}

git_setting() {
  export "GIT_CONFIG_KEY_$GIT_CONFIG_COUNT=$1" "GIT_CONFIG_VALUE_$GIT_CONFIG_COUNT=$2"
  GIT_CONFIG_COUNT=$((GIT_CONFIG_COUNT + 1))
}

repository_url() { printf '%s/%s.git' "$git_host" "$1"; }

# clone_commit OWNER/NAME COMMIT FOLDER: the folder appears when it is whole.
clone_commit() {
  local work=$3.part
  rm -rf -- "$work"
  git init -q -- "$work" || return
  git -C "$work" remote add origin "$(repository_url "$1")"
  fetch_commit "$work" "$2" || return
  mv -- "$work" "$3"
}

# fetch_commit FOLDER COMMIT: tries thrice, for a connection that breaks.
fetch_commit() {
  local try
  for try in 1 2 3; do
    ((try == 1)) || sleep "$GIT_WAIT"
    ! git -C "$1" fetch -q --depth 1 origin "$2" || {
      git -C "$1" checkout -q --detach FETCH_HEAD
      return
    }
  done
  return 1
}

head_of() { git -C "$1" rev-parse HEAD 2>/dev/null || say unknown; }

has_changes() { [[ -n "$(git -C "$1" status --porcelain --untracked-files=no 2>/dev/null)" ]]; }

# What git said when it failed, without its prefixes.
git_said() { part_output | grep -E '^(fatal|error|remote|ssh|warning): ' | tail -n 1 || last_line; }
