#!/usr/bin/env bash
# Score a checkpoint on several GPUs, or in several CPU processes:
#     tools/dist_test.sh CONFIG CHECKPOINT GPUS [arguments of tools/test.py]
# On each of several machines, with the same NNODES, MASTER_ADDR and PORT and its own NODE_RANK.
set -euo pipefail
if [ $# -lt 3 ]; then
    echo "usage: $0 CONFIG CHECKPOINT GPUS [arguments of tools/test.py]" >&2
    exit 2
fi
CONFIG=$1
CHECKPOINT=$2
GPUS=$3
TOOLS=$(dirname "$0")

exec "$TOOLS/torchrun.sh" "$GPUS" 0 "$TOOLS/test.py" "$CONFIG" "$CHECKPOINT" --launcher pytorch "${@:4}"
