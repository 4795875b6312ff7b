#!/usr/bin/env bash
# Train on several GPUs, or, where there is none, in several CPU processes:
#     tools/dist_train.sh CONFIG GPUS [--max-restarts N] [arguments of tools/train.py]
# --max-restarts N starts the processes again, up to N times, when one of them fails; the run then goes on from the newest
# checkpoint of its work directory, also at its first start.
# On each of several machines, with the same NNODES, MASTER_ADDR and PORT and its own NODE_RANK:
#     NNODES=2 NODE_RANK=0 MASTER_ADDR=10.0.0.1 PORT=29500 tools/dist_train.sh CONFIG GPUS
# With --max-restarts a machine that is lost (not the first one, where they meet) may come back: with NNODES=2 the other
# waits for it, with NNODES=1:2 it goes on alone and says the new total batch.
set -euo pipefail
if [ $# -lt 2 ]; then
    echo "usage: $0 CONFIG GPUS [--max-restarts N] [arguments of tools/train.py]" >&2
    exit 2
fi
CONFIG=$1
GPUS=$2
shift 2

MAX_RESTARTS=0
RESUMES=0
ARGUMENTS=()
while [ $# -gt 0 ]; do
    case $1 in
        --max-restarts) MAX_RESTARTS=${2:-}; shift ;;
        --max-restarts=*) MAX_RESTARTS=${1#*=} ;;
        *) [[ $1 == --resume* ]] && RESUMES=1; ARGUMENTS+=("$1") ;;
    esac
    [ $# -gt 0 ] && shift
done
if ! [[ $MAX_RESTARTS =~ ^[0-9]+$ ]]; then
    echo "mmuda: error: --max-restarts '$MAX_RESTARTS' is no number of restarts: give 0 or more" >&2
    exit 1
fi
if [ "$MAX_RESTARTS" -gt 0 ]; then
    if [ $RESUMES = 1 ]; then
        echo "mmuda: error: --max-restarts resumes from the work directory by itself: leave out --resume" >&2
        exit 1
    fi
    ARGUMENTS+=(--resume)
fi

TOOLS=$(dirname "$0")
exec "$TOOLS/torchrun.sh" "$GPUS" "$MAX_RESTARTS" \
    "$TOOLS/train.py" "$CONFIG" --launcher pytorch ${ARGUMENTS[@]+"${ARGUMENTS[@]}"}
