#!/bin/bash
# Stand-in of Isaac Sim's launcher: starts kit with the full app.

set -e
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec "$here/kit/kit" "$here/apps/isaacsim.exp.full.kit" "$@"
