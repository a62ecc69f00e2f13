#!/bin/sh
# Prints the path of a Python 3.13 that really runs. A name on PATH proves nothing: version
# managers put shims there that fail, so each candidate is run.
wanted=3.13

# The base interpreter, so that an active virtual environment is not built upon.
probe='
import sys, venv, ensurepip
if sys.version_info[:2] != (3, 13):
    raise SystemExit(1)
print(getattr(sys, "_base_executable", None) or sys.executable)
'

try() {
    [ -n "$1" ] || return 1
    found=$("$1" -c "$probe" 2>/dev/null </dev/null) || return 1
    [ -n "$found" ] || return 1
    printf '%s\n' "$found"
    exit 0
}

if [ -n "$PYTHON" ]; then
    try "$PYTHON"
    echo "PYTHON=$PYTHON is not a Python $wanted with venv and ensurepip." >&2
    exit 1
fi

for name in "python$wanted" python3 python; do
    try "$name"
done
for path in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$wanted".*/bin/python3; do
    try "$path"
done
try "$(uv python find --no-python-downloads "$wanted" 2>/dev/null </dev/null)"

printf '%s\n' >&2 \
    "Offer Cancel needs Python $wanted (with venv and ensurepip), and none was found that runs." \
    "Install one, for example by one of:" \
    "    uv python install $wanted" \
    "    pyenv install $wanted" \
    "    apt-get install python$wanted python$wanted-venv     (Debian 13, Ubuntu 25.04 and later)" \
    "    brew install python@$wanted" \
    "or say where it is: make <target> PYTHON=/path/to/python$wanted"
exit 1
