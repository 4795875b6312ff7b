#!/usr/bin/env bash
# Score a checkpoint under Slurm:
#     GPUS=8 GPUS_PER_NODE=8 tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of tools/test.py]
# GPUS_PER_NODE=0 asks for no GPU: GPUS then counts CPU processes. SRUN_ARGS goes to srun.
set -euo pipefail
if [ $# -lt 4 ]; then
    echo "usage: $0 PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of tools/test.py]" >&2
    exit 2
fi
# shellcheck source=tools/slurm.sh
source "$(dirname "$0")/slurm.sh"

# shellcheck disable=SC2086  # SRUN_ARGS is a list of words
exec srun \
    --partition="$1" \
    --job-name="$2" \
    "${RESOURCES[@]}" \
    --kill-on-bad-exit=1 \
    ${SRUN_ARGS:-} \
    python -u "$TOOLS/test.py" "${@:3:2}" --launcher slurm "${@:5}"
