# What the slurm_*.sh share; they source it. Sets RESOURCES, the options of srun and sbatch that ask for GPUs or CPUs.
# GPUS (4) processes, GPUS_PER_NODE (4) of them on a machine, CPUS_PER_TASK (5); GPUS_PER_NODE=0 asks for no GPU.
GPUS=${GPUS:-4}
GPUS_PER_NODE=${GPUS_PER_NODE:-4}
TASKS_PER_NODE=$((GPUS_PER_NODE > 0 ? GPUS_PER_NODE : GPUS))
TASKS_PER_NODE=$((TASKS_PER_NODE < GPUS ? TASKS_PER_NODE : GPUS))
RESOURCES=(
    --ntasks="$GPUS"
    --ntasks-per-node="$TASKS_PER_NODE"
    --cpus-per-task="${CPUS_PER_TASK:-5}"
)
if [ "$GPUS_PER_NODE" -gt 0 ]; then
    RESOURCES+=(--gres="gpu:$TASKS_PER_NODE")
fi
TOOLS=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH="$TOOLS/..${PYTHONPATH:+:$PYTHONPATH}"
