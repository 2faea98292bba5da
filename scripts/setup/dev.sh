#!/usr/bin/env bash
# The project's own checks: nox, pytest, ruff, mypy, ShellCheck and shfmt, into .venv.
# usage: scripts/setup/dev.sh step_name|needs|inputs|check|install|report

set -euo pipefail

program=setup
# shellcheck source=scripts/lib.sh
source "${BASH_SOURCE[0]%/*}/../lib.sh"
# shellcheck source=scripts/pip.sh
source scripts/pip.sh

LOCK=env/dev.lock
DEV_RECEIPT=.venv/receipt-dev

step_name() { say "installing the tools of make test and make lint in .venv"; }

needs() { say 1; }

inputs() { say "lock $(hash_of "$LOCK")"; }

check() { [[ -f "$DEV_RECEIPT" && "$(inputs)" == "$(<"$DEV_RECEIPT")" ]]; }

install() {
  rm -f "$DEV_RECEIPT"
  install_lock "tools" "$LOCK"
  rm -rf .cache/pip
  inputs | write_receipt "$DEV_RECEIPT"
}

report() { :; }

main() {
  clean_environment
  pip_environment
  read -r python_version _ <<<"$(receipt_value python "$RECEIPT")"
  "$1"
}

main "$@"
