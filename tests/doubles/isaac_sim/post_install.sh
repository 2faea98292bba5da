#!/bin/bash
# Stand-in of Isaac Sim 5.1's post_install.sh: a link to the examples, and a desktop icon by python.sh.
# shellcheck disable=SC2046,SC2086,SC2128 # unquoted paths are what the real one has

set -e
here=$(dirname ${BASH_SOURCE})

echo Creating extension_examples symlink...
pushd $here
if [[ -L extension_examples || -e extension_examples ]]; then
  echo Symlink or folder extension_examples exists.
else
  ln -s exts/isaacsim.examples.interactive/isaacsim/examples/interactive extension_examples
  echo Symlink extension_examples created.
fi
popd

echo Installing Icon...
$here/python.sh $here/data/icon/install_icon.py
