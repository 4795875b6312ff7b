#!/usr/bin/env bash
# What dist_train.sh and dist_test.sh share:
#     tools/torchrun.sh PROCESSES MAX_RESTARTS SCRIPT [arguments of the script]
# A signal that asks torchrun to end (also SIGUSR1, which Slurm sends before a time limit) goes on to the processes, which
# have 600 s for their step and its checkpoint. SIGHUP is not forwarded, so that nohup keeps its meaning: where it ends
# torchrun, the processes see that and end with a checkpoint, too.
set -euo pipefail
PROCESSES=$1
MAX_RESTARTS=$2

# Older versions of torch lack these two options.
OPTIONS=()
for OPTION in --signals-to-handle=SIGTERM,SIGINT,SIGQUIT,SIGUSR1 --shutdown-timeout=600; do
    if python -c 'import sys, pathlib, importlib.util as util
run = pathlib.Path(util.find_spec("torch").origin).parent / "distributed/run.py"
sys.exit(sys.argv[1].split("=")[0] not in run.read_text())' "$OPTION"; then
        OPTIONS+=("$OPTION")
    else
        case $OPTION in
            --signals*) echo "mmuda: this torch's torchrun does not forward SIGUSR1: use SIGTERM, or a newer torch" >&2 ;;
            *) echo "mmuda: this torch's torchrun kills its processes 30 s after a signal, in which a step and its" \
                "checkpoint have to be done; a newer torch gives them 600 s" >&2 ;;
        esac
    fi
done

# A restart needs a store of its own: in that of a static rendezvous the ranks find the addresses of the ranks before them.
MEETING=(
    --node-rank="${NODE_RANK:-0}"
    --master-addr="${MASTER_ADDR:-127.0.0.1}"
    --master-port="${PORT:-29500}"
)
if [ "$MAX_RESTARTS" -gt 0 ]; then
    export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1  # torch keeps one store for all starts unless it is told not to
    MEETING=(
        --rdzv-backend=c10d
        --rdzv-endpoint="${MASTER_ADDR:-127.0.0.1}:${PORT:-29500}"
        --rdzv-id="mmuda-${PORT:-29500}"
    )
    if [ "${NNODES:-1}" = 1 ]; then
        MEETING+=(--local-addr="${MASTER_ADDR:-127.0.0.1}")
    else  # the first machine keeps the place where they meet; the others wait for it, and for each other
        HOSTS=0
        [ "${NODE_RANK:-0}" != 0 ] || HOSTS=1
        MEETING+=(--rdzv-conf="is_host=$HOSTS,read_timeout=600,join_timeout=1800")
    fi
fi

TOOLS=$(dirname "$0")
export PYTHONPATH="$TOOLS/..${PYTHONPATH:+:$PYTHONPATH}"
exec python -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    "${MEETING[@]}" \
    --nproc-per-node="$PROCESSES" \
    --max-restarts="$MAX_RESTARTS" \
    ${OPTIONS[@]+"${OPTIONS[@]}"} \
    "${@:3}"
