# Sourced before every workload. What the runner hands over:
#   LENGTH     how long to work, seconds
#   WORK       a directory of the workload's own, in an ordinary place, removed afterwards
#   SERVER     the words before a command that is to run on the other host (a network namespace)
#   SERVER_IP  its address; CLIENT_IP is this one's
set -euo pipefail
cd "$WORK"
deadline=$((SECONDS + LENGTH))

# Ends the workload as "not run", with the reason.
not_run() { echo "$*" >&2; exit 77; }

need() { for program in "$@"; do command -v "$program" >/dev/null || not_run "$program is not installed"; done; }

# Runs a command again and again until the time is over; the first failure ends it.
again() { while ((SECONDS < deadline)); do timeout --foreground $((deadline - SECONDS + 1)) "$@" || { (($? == 124)) && return 0 || return 1; }; done; }

# Runs a command for the rest of the time, and ends it.
for_a_while() { local status=0; timeout $((deadline - SECONDS > 0 ? deadline - SECONDS : 1)) "$@" || status=$?; ((status == 0 || status == 124)); }

# Waits until something listens on a TCP port of the other host.
listens() { for _ in $(seq 100); do $SERVER ss -Hltn "sport = :$1" | grep -q . && return; sleep 0.1; done; echo "nothing listens on port $1" >&2; return 1; }
