#!/usr/bin/env bash
# Shows with a real Slurm of one node that job arrays give what one process gives, though tasks are killed:
#
#   tools/check_slurm.sh ELMAN [sweep|shards|all] [MEGABYTES]      as root, on a Debian; no systemd is needed
#
#   sweep    an array of 12 tasks; one is killed (kill -9) and requeued, one is requeued while it runs: results.csv has the bytes of a sequential sweep
#   shards   a text of MEGABYTES (1000), the shipped corpus again and again, scored in 8 shards, two of them killed likewise: the bytes of one process
#
# Packages: slurm-wlm and munge, installed where they are missing; Slurm 22.05 of Debian 12 was tried. Configuration, key, logs and state are in a directory of their own, and
# /etc is left alone. The daemons end with the script. It takes a few minutes: Slurm lets a requeued task wait.
set -euo pipefail

[ $# -ge 1 ] || { sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 2; }
elman=$(realpath "$1")
what=${2:-all}
megabytes=${3:-1000}
corpus=$(realpath "$(dirname "$0")/../data/kjv.txt")
[ "$(id -u)" = 0 ] || { echo "this starts daemons of Slurm: run it as root" >&2; exit 1; }
[ -f "$corpus" ] || { echo "$corpus is missing" >&2; exit 1; }

if ! command -v slurmctld > /dev/null || ! command -v munged > /dev/null; then
    apt-get update -qq
    # Nothing is to be started by the packages themselves.
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends slurm-wlm munge > /dev/null
fi

room=$(mktemp -d "${TMPDIR:-/tmp}/elman-slurm.XXXXXX")
chmod 755 "$room"
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null || true; done
    wait 2> /dev/null || true
    [ -n "${KEEP:-}" ] && echo "kept $room" || rm -rf "$room"
}
trap finish EXIT

fail() {
    echo "FAILED: $*" >&2
    tail -n 20 "$room"/log/*.log >&2 || true
    exit 1
}

# Waits until a command succeeds: until SECONDS COMMAND...
until_true() {
    local left=$1
    shift
    until "$@"; do
        sleep 1
        left=$((left - 1))
        [ "$left" -gt 0 ] || fail "waited in vain for: $*"
    done
}

start_slurm() {
    local host memory
    host=$(hostname -s)
    memory=$(($(awk '/MemTotal/{print $2}' /proc/meminfo) / 1024 * 9 / 10))
    mkdir -p "$room"/{munge,state,spool,log}
    chmod 700 "$room/munge"
    dd if=/dev/urandom of="$room/munge/key" bs=1024 count=1 status=none
    chmod 600 "$room/munge/key"
    mkdir -m 755 "$room/socket"
    munged --foreground --force --key-file="$room/munge/key" --socket="$room/socket/munge" --pid-file="$room/munge/pid" \
        --seed-file="$room/munge/seed" --log-file="$room/log/munged.log" > "$room/log/munged.out.log" 2>&1 &
    pids+=($!)
    cat > "$room/slurm.conf" << CONF
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$room/socket/munge
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
MpiDefault=none
StateSaveLocation=$room/state
SlurmdSpoolDir=$room/spool
SlurmctldPidFile=$room/slurmctld.pid
SlurmdPidFile=$room/slurmd.pid
SlurmctldLogFile=$room/log/slurmctld.log
SlurmdLogFile=$room/log/slurmd.log
ReturnToService=2
MinJobAge=3600
KillWait=5
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$memory State=UNKNOWN
PartitionName=p Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
    export SLURM_CONF=$room/slurm.conf
    until_true 20 test -S "$room/socket/munge"
    slurmctld -D -f "$SLURM_CONF" > "$room/log/ctld.out.log" 2>&1 &
    pids+=($!)
    slurmd -D -f "$SLURM_CONF" > "$room/log/slurmd.out.log" 2>&1 &
    pids+=($!)
    until_true 60 is_idle
    echo "$(slurmctld -V) is up on one node of $(nproc) CPUs"
}

is_idle() { sinfo -h -o %T 2> /dev/null | grep -q idle; }

# Job and task, such as 1_3, of a running task that is not in the list of arguments.
running() {
    squeue -h -t RUNNING -o %i 2> /dev/null | grep -vxF "$(printf '%s\n' none "$@")" | head -n 1
}

# The process `elman` of a task of an array, by the variables that Slurm gives it.
process_of() {
    local pid
    for pid in $(pgrep -x elman); do
        if tr '\0' '\n' < "/proc/$pid/environ" 2> /dev/null | grep -qxF "SLURM_ARRAY_TASK_ID=${1#*_}" &&
            tr '\0' '\n' < "/proc/$pid/environ" 2> /dev/null | grep -qxF "SLURM_ARRAY_JOB_ID=${1%_*}"; then
            echo "$pid"
            return
        fi
    done
}

is_at_work() { [ -n "$(running "$@")" ] && [ -n "$(process_of "$(running "$@")")" ]; }
has_ended() { ! squeue -h -t RUNNING,COMPLETING -o %i 2> /dev/null | grep -qxF "$1"; }

# Kills one task of the array with signal 9 and requeues it; requeues another while it runs.
kill_two() {
    local first second
    until_true 120 is_at_work
    sleep 1
    first=$(running)
    kill -9 "$(process_of "$first")" || fail "task $first ended before it could be killed"
    echo "killed task $first"
    until_true 30 has_ended "$first"
    scontrol requeue "$first"
    until_true 120 is_at_work "$first"
    sleep 1
    second=$(running "$first")
    scontrol requeue "$second"
    echo "requeued task $second while it was running"
    sleep 8
    # They need not wait two minutes.
    for task in "$first" "$second"; do scontrol update "jobid=$task" starttime=now 2> /dev/null || true; done
}

no_jobs() { [ -z "$(squeue -h 2> /dev/null)" ]; }

check_sweep() {
    head -n 3000 "$corpus" > text.txt
    local sweep=(sweep text.txt --lr 0.002,0.004,0.008 --hidden 64,96 --seed 1,2 --epochs 3 --valid-every 100 --save-every 0.5 --threads 1)
    "$elman" "${sweep[@]}" -o sequential --quiet > sequential.txt
    "$elman" "${sweep[@]}" -o array --slurm --submit
    kill_two
    "$elman" "${sweep[@]}" -o array --collect > early.txt 2> early.err
    sed -n 's/^\(12 combinations: .*\)/meanwhile: \1/p' early.err
    until_true 900 no_jobs
    "$elman" "${sweep[@]}" -o array --collect > array.txt 2> array.err
    grep '^12 combinations: ' array.err
    grep -l '"attempt": [2-9]' array/sweep/tasks/*/done.json | wc -l | sed 's/$/ combinations took more than one attempt/'
    cmp sequential/sweep/results.csv array/sweep/results.csv || fail "the array has other results than the sequential sweep"
    local again
    again=$(grep -l '"attempt": [2-9]' array/sweep/tasks/*/done.json | wc -l)
    [ "$again" -eq 2 ] || fail "$again combinations were continued, not 2"
    echo "an array of 12 tasks, two killed and requeued: results.csv is that of the sequential sweep ($(sha256sum < array/sweep/results.csv | cut -c 1-16))"
}

check_shards() {
    local copies
    copies=$((megabytes * 1000000 / $(stat -c %s "$corpus") + 1))
    for _ in $(seq "$copies"); do cat "$corpus"; done > large.txt
    "$elman" ngram train "$corpus" -o lm.bin 2> ngram.err
    echo "scoring $(stat -c %s large.txt) bytes"
    local before=$SECONDS
    "$elman" score lm.bin large.txt --quiet > sequential.tsv
    echo "one process: $((SECONDS - before)) s"
    before=$SECONDS
    sbatch --parsable --array=1-8 --requeue --mem=1G --cpus-per-task=1 --output="$room/log/shard-%a.log" \
        --wrap "exec '$elman' score lm.bin large.txt --shard \$SLURM_ARRAY_TASK_ID/8 -o scores --quiet"
    kill_two
    until_true 3600 no_jobs
    echo "8 shards: $((SECONDS - before)) s"
    [ "$(ls scores/*.done | wc -l)" -eq 8 ] || fail "$(ls scores/*.done | wc -l) shards are finished, not 8"
    cat scores/*-of-00008.tsv | cmp - sequential.tsv || fail "the shards have another output than one process"
    echo "8 shards, two killed and requeued: the output of one process ($(wc -l < sequential.tsv) lines, $(sha256sum < sequential.tsv | cut -c 1-16))"
}

start_slurm
mkdir "$room/work"
cd "$room/work"
case $what in
sweep) check_sweep ;;
shards) check_shards ;;
all) check_sweep && check_shards ;;
*) echo "sweep, shards or all, not $what" >&2; exit 2 ;;
esac
