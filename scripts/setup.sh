#!/bin/sh
# Makes .venv and installs the locked packages into it; never asks for root.
set -eu
cd "$(dirname "$0")/.."

find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    echo "Cadence needs Python 3.11 or newer; none was found as python3." >&2
    exit 1
}

python=$(find_python)
if command -v uv >/dev/null; then
    uv=uv
else
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
    [ -x .venv/bin/uv ] || .venv/bin/python -m pip install --quiet --disable-pip-version-check uv
    uv=.venv/bin/uv
fi
# --inexact keeps the uv that may live in .venv; bytecode now saves seconds at each start.
UV_PROJECT_ENVIRONMENT=.venv "$uv" sync --quiet --frozen --inexact --compile-bytecode --python "$python"
touch .venv/.ready
