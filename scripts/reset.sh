#!/bin/sh
# Deletes what the embedded stores hold, after asking.
set -eu
cd "$(dirname "$0")/.."
printf 'Delete every organization, conversation and plugin in var/, and the stores of make services? Type yes: '
read -r answer
[ "$answer" = yes ] || { echo "Nothing was deleted."; exit 1; }
# A server whose files are gone would go on without them.
[ ! -d var/services ] || .venv/bin/python scripts/services.py stop
# But not the servers that were built: they hold nothing, and building them takes minutes.
find var -mindepth 1 -maxdepth 1 ! -name servers -exec rm -rf {} +
echo "var/ is empty."
