# shellcheck shell=bash disable=SC2034,SC2153,SC2154
# git repositories at a commit, shallow, over https. Sourced after lib.sh.

# Seconds between the tries.
GIT_WAIT=5

# Sets `git_host`, where the repositories come from: GIT_HOST=, or the folder of OFFLINE.
choose_git_host() {
  git_host=${SETUP_GIT_HOST:-$GITHUB}
  [[ -z "${SETUP_OFFLINE-}" ]] || git_host=file://$SETUP_OFFLINE/git
  git_host=${git_host%/}
}

# Prints the host that must resolve.
git_needs() {
  choose_git_host
  [[ "$git_host" == file:* ]] || say "--host=$(host_of "$git_host")"
}

# Nobody answers a question that git or ssh puts to the terminal, messages are as they are read here,
# and what is declared at GitHub comes from git_host. A checkout is told of that for the time of set-up
# only: an address may hold a password.
git_without_questions() {
  export GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND="${GIT_SSH_COMMAND:-ssh -oBatchMode=yes}" LC_ALL=C.UTF-8 LANGUAGE=
  unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_CONFIG_PARAMETERS
  export GIT_CONFIG_COUNT=0
  choose_git_host
  [[ "$git_host" == https://github.com ]] || git_setting "url.$git_host/.insteadOf" https://github.com/
  [[ "$git_host" != file://* ]] || git_setting protocol.file.allow always
}

# The same for repositories at a pin, whose submodules may be declared over ssh, which needs an account's
# key.
git_environment() {
  git_without_questions
  git_setting core.autocrlf false
  git_setting advice.detachedHead false
  git_setting "url.$git_host/.insteadOf" git@github.com:
  git_setting "url.$git_host/.insteadOf" ssh://git@github.com/
}

git_setting() {
  export "GIT_CONFIG_KEY_$GIT_CONFIG_COUNT=$1" "GIT_CONFIG_VALUE_$GIT_CONFIG_COUNT=$2"
  GIT_CONFIG_COUNT=$((GIT_CONFIG_COUNT + 1))
}

declared_url() { printf 'https://github.com/%s.git' "$1"; }

# For people: where a repository comes from, without a password.
repository_url() { printf '%s/%s.git' "$git_host" "$1" | sed -E 's|://[^/@]*@|://|'; }

# clone_commit OWNER/NAME COMMIT FOLDER: the folder appears when it is whole.
clone_commit() {
  local work=$3.part
  rm -rf -- "$work"
  git init -q -- "$work" || return
  git -C "$work" remote add origin "$(declared_url "$1")"
  fetch_commit "$work" "$2" || return
  mv -- "$work" "$3"
}

# fetch_commit FOLDER COMMIT: tries thrice, for a connection that breaks.
fetch_commit() {
  local try
  for try in 1 2 3; do
    ((try == 1)) || sleep "$GIT_WAIT"
    ! git -C "$1" fetch -q --depth 1 origin "$2" || {
      git -C "$1" checkout -q --detach FETCH_HEAD && forget_address "$1"
      return
    }
  done
  return 1
}

# What was fetched, and from where.
forget_address() { find "$1/.git" -name FETCH_HEAD -exec rm -f -- {} +; }

head_of() { git -C "$1" rev-parse HEAD 2>/dev/null || say unknown; }

has_changes() { [[ -n "$(git -C "$1" status --porcelain --untracked-files=no 2>/dev/null)" ]]; }

# What git said when it failed.
git_said() { part_output | tr '\r' '\n' | LC_ALL=C grep -aE '^(fatal|error|remote|ssh|warning): ' | tail -n 1 || last_line; }
