#!/bin/bash
# What is to be found out on a GPU that is lent for ten minutes, in less than nine.
#
#   bash benchmarks/gpu.sh DATA OUT [--dry]
#
# DATA: sprites, made before ('vdsm data sprites --source SHEETS --out DATA'). In this order: the
# tests that need a GPU; a step without and with graphs; the paper's recipe at its own size, 100 and 80
# epochs of 50 batches, which its App. H calls enough; its evaluation, by one judge. OUT gets a log, the figures as JSON, the metrics and a picture. A part
# that fails or takes too long does not stop the others; the end says which did, and so does the
# exit code. With the same OUT once more, training goes on where it was stopped. --dry prints the
# commands alone.
#
# From the environment: PYTHON [python3]; RUN, the run's folder, of some GB [OUT/run]; LIMIT, seconds
# in all [525]; and for a trial without a GPU DEVICE [cuda], SIZE [paper], CAPTURE [always, auto for
# the training], and other words for PYTEST, BENCH, TRAIN (the steps) and EVALUATE.

set -u
die() { echo "gpu.sh: $1" >&2; exit 2; }
whole() { case $1 in /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac; }
if [ $# -lt 2 ]; then sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2; exit 2; fi
data=$(whole "$1") out=$(whole "$2") dry=${3:-}
[ -z "$dry" ] || [ "$dry" = --dry ] || die "'$dry' is unknown: --dry, or nothing"
python=${PYTHON:-python3} run=$(whole "${RUN:-$out/run}") limit=${LIMIT:-525}
device=${DEVICE:-cuda} size=${SIZE:-paper} log=$out/gpu.log
summary=() failed=0
cd "$(dirname "$0")/.." || die "no folder above $0"
export PYTHONPATH=$PWD/src${PYTHONPATH:+:$PYTHONPATH}

# part NAME SECONDS RESERVE COMMAND...: the command, within its seconds and within what is left of
# all, less what later parts need.
part() {
  local name=$1 seconds=$2 reserve=$3 left begun code
  shift 3
  [ -z "$dry" ] || SECONDS=0
  left=$((limit - SECONDS - reserve))
  [ "$left" -gt 0 ] || left=0
  [ "$seconds" -le "$left" ] || seconds=$left
  if [ -n "$dry" ]; then
    printf '%q ' timeout -k 15 "$seconds" "$@"
    echo
    return
  fi
  begun=$SECONDS code=124
  echo "== $name: $*" | tee -a "$log"
  if [ "$seconds" -gt 0 ]; then
    timeout -k 15 "$seconds" "$@" 2>&1 | tee -a "$log"
    code=${PIPESTATUS[0]}
  fi
  [ "$code" = 0 ] || failed=1
  summary+=("$name: exit code $code after $((SECONDS - begun)) of $seconds s")
}

if [ -z "$dry" ]; then
  [ -e "$data" ] || die "$data is not there: 'vdsm data sprites --source SHEETS --out $data' makes it"
  mkdir -p "$out" || die "$out cannot be made: name another folder"
fi
vdsm=("$python" -m vdsm)
# The words of these variables are words of the command.
# shellcheck disable=SC2206
pytest=(${PYTEST:-tests/test_cuda.py}) bench=(${BENCH:---repeats 3})
train=(${TRAIN:---stage1.steps 5000 --stage2.steps 4000})
evaluate=(${EVALUATE:---test-clips 500 --probe-clips 3000})

part tests 100 380 env VDSM_TEST_GPU=1 "$python" -m pytest -v "${pytest[@]}"
for capture in never "${CAPTURE:-always}"; do
  compare=()
  if [ "$capture" != never ] && [ -n "$dry" -o -e "$out/bench-never.json" ]; then
    compare=(--compare "$out/bench-never.json")
  fi
  part "bench, capture $capture" 45 300 "${vdsm[@]}" bench --device "$device" \
    --capture "$capture" --out "$out/bench-$capture.json" "${compare[@]}" "${bench[@]}"
done
how=(--out "$run" --device "$device" --capture "${CAPTURE:-auto}")
if [ -e "$run/run.json" ]; then
  part "train, resumed" 300 130 "${vdsm[@]}" train --resume "${how[@]}"
else
  part train 300 130 "${vdsm[@]}" train "$data" --size "$size" "${how[@]}" "${train[@]}"
fi
part evaluate 200 0 "${vdsm[@]}" evaluate "$run" "$data" --device "$device" --judges 1 \
  --out "$out/evaluation.json" "${evaluate[@]}"
[ -z "$dry" ] || exit 0

for found in metrics.jsonl verdict.json; do
  [ ! -e "$run/$found" ] || cp "$run/$found" "$out/"
done
pictures=("$run"/pictures/*-swap*.png)
[ ! -e "${pictures[-1]}" ] || cp "${pictures[-1]}" "$out/"
printf '%s\n' "== in all $SECONDS s" "${summary[@]}" | tee -a "$log"
exit $failed
