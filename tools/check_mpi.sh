#!/usr/bin/env bash
# Training over MPI on one machine: the same checkpoint on any number of ranks, ranks that are killed at random moments, and ranks that
# differ. Usage: tools/check_mpi.sh ELMAN [KILLS], where ELMAN was built with --features mpi (tools/install_mpi.sh).
set -euo pipefail
elman=$(realpath "${1:?usage: tools/check_mpi.sh ELMAN [KILLS]}")
kills=${2:-10}
text=$(realpath "$(dirname "$0")/../data/kjv.txt")
if ! command -v mpirun >/dev/null; then
    echo "skipped: there is no mpirun (tools/install_mpi.sh installs it)"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# More ranks than processors, also as root.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_mpi_yield_when_idle=1
head -c 60000 "$text" >text.txt
options=(text.txt --hidden 32 --batch-size 8 --no-cache --threads 1 --groups 4 --json --dropout 0.2)

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# The hash of a run's last checkpoint, from its output.
hash() {
    grep -o '"checkpoint":"[^"]*"' "$1" | cut -d'"' -f4
}

run() { # ranks, output, arguments
    local ranks=$1 out=$2
    shift 2
    mpirun -n "$ranks" "$elman" train "$@" >"$out" 2>"$out.err"
}

echo "== the same checkpoint on any number of ranks"
for form in "--bptt 10" "--layout sentences" "--no-tied --optimizer sgd --accumulate 3" "--scheduled-sampling constant:0.2"; do
    # shellcheck disable=SC2086
    "$elman" train "${options[@]}" --steps 60 $form -o one >one.out 2>one.err || fail "$(cat one.err)"
    whole=$(hash one.out)
    for ranks in 2 3 4; do
        # shellcheck disable=SC2086
        run "$ranks" ranks.out "${options[@]}" --steps 60 $form -o ranks || fail "$(cat ranks.out.err)"
        [ "$(hash ranks.out)" = "$whole" ] || fail "$ranks ranks $form: another checkpoint"
        rm -rf ranks
    done
    rm -rf one
    echo "one process, 2, 3 and 4 ranks: ${whole:0:16} $form"
done

echo "== local steps"
local=("${options[@]}" --steps 61 --average-every 8)
run 4 local.out "${local[@]}" -o local
run 4 again.out "${local[@]}" -o again
[ "$(hash local.out)" = "$(hash again.out)" ] || fail "local steps: another checkpoint"
rm -rf local again
echo "4 ranks, averaged every 8 updates, twice: $(hash local.out | cut -c1-16)"

echo "== $kills kills of a random rank at a random moment"
steps=1500
"$elman" train "${options[@]}" --steps $steps -o whole >whole.out 2>/dev/null
whole=$(hash whole.out)
killed=0 slowest=0 attempts=0
start() { # ranks, arguments
    mpirun -n "$1" "$elman" train "${@:2}" >run.out 2>run.err &
    mpirun=$!
}
fresh() {
    rm -rf run
    begin=("${options[@]}" --steps $steps --save-every 0.05 -o run)
}
fresh
while [ "$killed" -lt "$kills" ]; do
    attempts=$((attempts + 1))
    start $((RANDOM % 3 + 2)) "${begin[@]}"
    sleep "$((RANDOM % 2)).$((RANDOM % 900 + 100))"
    mapfile -t ranks < <(pgrep -P $mpirun -x "$(basename "$elman")" || true)
    if [ ${#ranks[@]} -gt 0 ] && kill -9 "${ranks[RANDOM % ${#ranks[@]}]}" 2>/dev/null; then
        before=$(date +%s%N)
        if wait $mpirun; then
            fail "a run whose rank was killed ended with success"
        fi
        took=$((($(date +%s%N) - before) / 1000000))
        [ $took -gt $slowest ] && slowest=$took
        [ $took -lt 10000 ] || fail "the other ranks ended after $took ms"
        grep -q "killed\|signal 9\|aborted" run.err || fail "no message: $(cat run.err)"
        killed=$((killed + 1))
    else
        wait $mpirun || fail "$(cat run.err)"
    fi
    # A run that never began, or that is finished, begins again.
    if [ ! -f run/config.toml ]; then
        fresh
    elif grep -q '"event":"end"' run.out; then
        [ "$(hash run.out)" = "$whole" ] || fail "a run with kills has another checkpoint"
        fresh
    else
        begin=(--resume run --json --threads 1 --save-every 0.05)
    fi
done
for ranks in 1 3; do
    if [ -f run/config.toml ]; then
        cp -r run copy
        run "$ranks" copy.out --resume copy --json --threads 1
        [ "$(hash copy.out)" = "$whole" ] || fail "the last run with kills has another checkpoint on $ranks ranks"
        rm -rf copy
    fi
done
echo "$killed kills in $attempts starts; all ended at most $slowest ms later, and the runs have the checkpoint ${whole:0:16}"

echo "== what is refused"
refused() { # pattern, command …
    local pattern=$1
    shift
    if "$@" >refused.out 2>&1; then
        fail "not refused: $*"
    fi
    grep -q "$pattern" refused.out || fail "$(cat refused.out)"
    grep "$pattern" refused.out
}
few=("${options[@]}" --steps 3 -o refused)
refused "groups of a batch" mpirun -n 5 "$elman" train "${few[@]}"
refused "command line of rank 1" mpirun -n 1 "$elman" train "${few[@]}" : -n 1 "$elman" train "${few[@]}" --lr 0.1
cp "$elman" other && printf x >>other
refused "program of rank 1" mpirun -n 1 "$elman" train "${few[@]}" : -n 1 ./other train "${few[@]}"
[ ! -e refused/config.toml ] || fail "a refused run began"
echo "all checks passed"
