# Sourced before every workload. The runner sets these variables:
#   LENGTH     run time of the workload, in seconds
#   WORK       working directory of the workload, in an ordinary place; it is removed afterwards
#   SERVER     prefix of a command that runs on the other host (a network namespace)
#   SERVER_IP  address of the other host; CLIENT_IP is the address of this host
set -euo pipefail
cd "$WORK"
deadline=$((SECONDS + LENGTH))

# Ends the workload as "not run", with the reason.
not_run() { echo "$*" >&2; exit 77; }

need() { for program in "$@"; do command -v "$program" >/dev/null || not_run "$program is not installed"; done; }

# Runs a command again and again until the time is over. The first failure ends the workload.
again() { while ((SECONDS < deadline)); do timeout --foreground $((deadline - SECONDS + 1)) "$@" || { (($? == 124)) && return 0 || return 1; }; done; }

# Runs a command for the rest of the time, and then ends the command.
for_a_while() { local status=0; timeout $((deadline - SECONDS > 0 ? deadline - SECONDS : 1)) "$@" || status=$?; ((status == 0 || status == 124)); }

# Waits until a server listens on a TCP port of the other host.
listens() { for _ in $(seq 100); do $SERVER ss -Hltn "sport = :$1" | grep -q . && return; sleep 0.1; done; echo "nothing listens on port $1" >&2; return 1; }
