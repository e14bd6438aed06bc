# Starts the program under test and stops it again. To be sourced by a suite.
#
# start_server BINARY [SEED] starts it on an empty data folder, or on a copy of SEED, and sets SERVER_URL, SERVER_PORT and SERVER_KEY. Whatever
# was started is stopped when the suite ends, by process id only. A suite fails when its server died under it, panicked, or would not stop: no client notices those by itself.

SERVER_PIDS=()
SERVER_LOGS=()
SCRATCH=()

# Makes a folder that is removed at the end; its name is left in REPLY.
scratch() {
  REPLY=$(mktemp -d)
  SCRATCH+=("$REPLY")
}

# Starts a provider of models on this machine (vendor_double.py), sets VENDOR_URL, and leaves in REPLY a seed for start_server that configures it.
start_vendor() {
  local seed port attempt
  scratch; seed=$REPLY
  scratch; port=$REPLY/port
  "$PYTHON" "$HERE/lib/vendor_double.py" "$port" &
  SIDE_PIDS+=("$!")
  for ((attempt = 0; attempt < 100; attempt++)); do
    [[ ! -s $port ]] || break
    sleep 0.1
  done
  export VENDOR_URL=http://127.0.0.1:$(<"$port")

  mkdir -p "$seed/providers"
  cat >"$seed/providers/double.toml" <<END
name = "double"
dialect = "openai"
base_url = "$VENDOR_URL/v1"
prices_of = "2026-11-20"

[[models]]
name = "chat"
title = "Double"
context = 100000
abilities = ["chat", "streaming", "tools", "parallel_tools", "structured_output", "images", "reasoning"]
price = { input = "1", output = "2", cached = "0.5" }

[[models]]
name = "vectors"
context = 8000
abilities = ["embeddings"]
price = { input = "0.02" }
END
  REPLY=$seed
}

start_server() {
  local binary=$1 data out log pid attempt
  if [[ ! -x $binary ]]; then
    echo "there is no program at $binary: build it first, or set CONVOKE_BIN_DIR" >&2
    return 1
  fi
  scratch; data=$REPLY
  [[ -z ${2-} ]] || cp -r "$2/." "$data/"
  scratch; out=$REPLY/stdout
  : >"$out" # before the server has a chance to
  log=$OUTSIDE/logs/$SUITE.$(basename "$binary").stderr
  CONVOKE_DATA=$data "$binary" serve --listen 127.0.0.1:0 >"$out" 2>"$log" &
  pid=$!
  SERVER_PIDS+=("$pid")
  SERVER_LOGS+=("$log")
  # A debug build on a busy machine may take its time, so up to 60 seconds.
  for ((attempt = 0; attempt < 600; attempt++)); do
    SERVER_URL=$(grep -Eom1 'http://127\.0\.0\.1:[0-9]+' "$out" || true)
    SERVER_KEY=$(grep -Eom1 'cvk_[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*' "$out" || true)
    if [[ -n $SERVER_URL && -n $SERVER_KEY ]] && curl -fsS -o /dev/null --max-time 2 "$SERVER_URL/health" 2>/dev/null; then
      SERVER_PORT=${SERVER_URL##*:}
      export SERVER_URL SERVER_PORT SERVER_KEY
      return 0
    fi
    if ! kill -0 "$pid" 2>/dev/null; then
      echo "$(basename "$binary") serve ended before it was ready:" >&2
      tail -n 20 "$out" "$log" >&2
      return 1
    fi
    sleep 0.1
  done
  echo "$(basename "$binary") serve printed no address and key, or /health did not answer, within 60 s:" >&2
  tail -n 20 "$out" "$log" >&2
  return 1
}

# Ends a process gently, by force after ten seconds; tells whether gently was enough.
stop_process() {
  local pid=$1 attempt
  kill -TERM "$pid" 2>/dev/null || return 0
  for ((attempt = 0; attempt < 100; attempt++)); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
  return 1
}

finish() {
  local status=$? pid log
  trap - EXIT
  for pid in "${SERVER_PIDS[@]}"; do
    if ! kill -0 "$pid" 2>/dev/null; then
      echo "FAIL the server ended during the suite"
      status=1
    elif ! stop_process "$pid"; then
      echo "FAIL the server did not stop within 10 s of SIGTERM"
      status=1
    fi
  done
  for pid in "${SIDE_PIDS[@]}"; do stop_process "$pid" || true; done
  for log in "${SERVER_LOGS[@]}"; do
    if grep -Fm3 'panicked at' "$log"; then
      echo "FAIL the server panicked, see $(basename "$log")"
      status=1
    fi
  done
  rm -rf -- "${SCRATCH[@]}"
  exit "$status"
}

SIDE_PIDS=()
trap finish EXIT
trap 'exit 130' INT TERM
