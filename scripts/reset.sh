#!/bin/sh
# Deletes what the embedded stores hold, after asking.
set -eu
cd "$(dirname "$0")/.."
printf 'Delete every organization, conversation and plugin in var/? Type yes: '
read -r answer
[ "$answer" = yes ] || { echo "Nothing was deleted."; exit 1; }
rm -rf var
echo "var/ is gone."
