# shellcheck shell=bash
# pip, in .venv or where pip_command says, and its failures in one line. Sourced by the steps that install packages, which set
# `LOCK`, and `again` where another command does their work anew.

again='make setup SIM=mujoco'

# The user's mirror, certificates and proxy stay; what would send packages elsewhere goes.
pip_environment() {
  local name
  for name in "${!PIP_@}"; do
    case $name in
      PIP_INDEX_URL | PIP_EXTRA_INDEX_URL | PIP_FIND_LINKS | PIP_NO_INDEX | PIP_TRUSTED_HOST) ;;
      PIP_CERT | PIP_CLIENT_CERT | PIP_PROXY | PIP_KEYRING_PROVIDER | PIP_CONFIG_FILE) ;;
      PIP_DEFAULT_TIMEOUT | PIP_TIMEOUT | PIP_RETRIES) ;;
      *) unset "$name" ;;
    esac
  done
  export PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1
  export PIP_RETRIES="${PIP_RETRIES:-2}" PIP_CACHE_DIR="$ROOT/.cache/pip" TMPDIR="$ROOT/.cache/tmp"
}

pip_command=(.venv/bin/python -m pip)

pip() { part "$1" "${pip_command[@]}" "${@:2}"; }

# Without compiling: Python does that for the tenth of the modules that it ever loads, and the
# packages of the simulator are there in half the time.
INSTALL=(install --no-compile --only-binary :all:)

install_lock() {
  pip "$1" "${INSTALL[@]}" --require-hashes --no-deps -r "$2" || pip_failed "$1"
}

# The pin `name==version` in the lock.
locked() { sed -nE "/^($1==[^ ;]+).*/{s//\1/p;q}" "$LOCK"; }

said() { LC_ALL=C grep -aqE "$1" < <(part_output); }

# The first \1 that a sed pattern finds.
quote() { LC_ALL=C sed -nE "/$1/{s//\\1/p;q}" < <(part_output); }

# The one line for what stopped pip; the log's end too where the cause is not a known one.
pip_failed() {
  local next="then: $again" what
  if said 'Errno 28|No space left on device'; then
    die "the disk of '$ROOT' is full; free some space, $next"
  elif said 'DO NOT MATCH THE HASHES'; then
    what=$(quote '^ +([^ ]+)( from .*|:)$')
    die "'$what' is not the file that the lock names: its hash differs; remove .cache/pip, check the mirror or proxy, $next"
  elif said 'CERTIFICATE_VERIFY_FAILED|SSLError'; then
    die "pip does not trust the certificate of its package index; set PIP_CERT or check the proxy, $next"
  elif said 'NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|ConnectionResetError|Max retries|Read timed out|name resolution|Name or service not known|RemoteDisconnected'; then
    die "no network: pip cannot reach its package index; check the connection, the proxy or pip's configuration, $next"
  elif said 'No matching distribution found for'; then
    what=$(quote '.*No matching distribution found for ([^ ]+).*')
    die "pip's package index has no '$what' for Python ${python_version:?} on $(uname -m); check the connection and pip's configuration, $next"
  fi
  part_output | tail -n 8 >&2
  die "installing $1 failed; the last lines are above, the full log is $PARTS_LOG; $next"
}
