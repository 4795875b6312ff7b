#!/usr/bin/env bash
# Hand a training to Slurm, which starts it again after a preemption, a failed machine or the time limit, until it is done:
#     GPUS=8 SBATCH_ARGS='--time=8:00:00' tools/slurm_submit.sh PARTITION JOB_NAME CONFIG [arguments of tools/train.py]
# Slurm sends SIGUSR1 NOTICE (300) seconds before the time limit: the run writes a checkpoint, the job queues again and
# goes on from the newest checkpoint of its work directory, also at its first start. GPUS, GPUS_PER_NODE and CPUS_PER_TASK
# are those of slurm_train.sh. The output is in JOB_NAME-JOB_ID.log.
set -euo pipefail
if [ $# -lt 3 ]; then
    echo "usage: $0 PARTITION JOB_NAME CONFIG [arguments of tools/train.py]" >&2
    exit 2
fi
for ARGUMENT in "${@:4}"; do
    if [[ $ARGUMENT == --resume* ]]; then
        echo "mmuda: error: slurm_submit.sh resumes from the work directory by itself: leave out --resume" >&2
        exit 1
    fi
done
# shellcheck source=tools/slurm.sh
source "$(dirname "$0")/slurm.sh"

COMMAND=$(printf '%q ' python -u "$TOOLS/train.py" "$3" --launcher slurm "${@:4}" --resume)
# The job asks for the signal itself (B:) and hands it on, so that it knows why the processes end, whatever their status:
# --kill-on-bad-exit also ends those that are a little later than the first. 138 is the end by a SIGUSR1 of somebody else.
# Slurm requeues a preempted job only when it outlives the grace time, in which the processes alone get SIGTERM.
# shellcheck disable=SC2086  # SBATCH_ARGS is a list of words
exec sbatch \
    --partition="$1" \
    --job-name="$2" \
    --output="$2-%j.log" \
    --open-mode=append \
    --requeue \
    --signal=B:USR1@"${NOTICE:-300}" \
    "${RESOURCES[@]}" \
    ${SBATCH_ARGS:-} <<EOF
#!/usr/bin/env bash
ASKED= SRUN=
trap 'ASKED=1; INTERRUPTED=1; [ -z "\$SRUN" ] || kill -USR1 "\$SRUN"' USR1
srun --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 $COMMAND &
SRUN=\$!
[ -z "\$ASKED" ] || kill -USR1 "\$SRUN"  # the notice came before srun had a number
INTERRUPTED=1
while [ -n "\$INTERRUPTED" ]; do  # a signal ends the wait
    INTERRUPTED=
    wait "\$SRUN"
    STATUS=\$?
done
preempted() {  # since this start
    scontrol show job "\$SLURM_JOB_ID" | tr ' ' '\n' | sed -n 's/^\(PreemptTime\|StartTime\)=\([0-9]\)/\1 \2/p' |
        sort | { read -r _ PREEMPTED && read -r _ STARTED && [[ ! \$PREEMPTED < \$STARTED ]]; }
}
if [ \$STATUS != 0 ] && { [ -n "\$ASKED" ] || [ \$STATUS = 138 ] || preempted; }; then
    scontrol requeue "\$SLURM_JOB_ID"
fi
exit \$STATUS
EOF
