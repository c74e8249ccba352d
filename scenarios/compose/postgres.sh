#!/bin/bash
# Starts the PostgreSQL of docker-compose.yml, in the official image and in Debian's alike: makes the cluster
# with its roles on the first start, and serves it on every one.
#
# Where the image has libfaketime, the server's clock is what $CLOCK says, so that `drillbook fault inject` can
# make a session ten minutes old at once. The data live as long as the container does.
set -eu

DATA=/var/lib/drillbook/postgres
CLOCK=/var/lib/drillbook/clock
set -- /usr/lib/postgresql/*/bin
BIN=$1
as_postgres() { setpriv --reuid postgres --regid postgres --init-groups -- "$@"; }
single() { as_postgres "$BIN/postgres" --single -D "$DATA" -c fsync=off "$1" >"$SAID" 2>&1; }

# Passwords that open nothing but this stack, whose ports are published on this machine's loopback alone.
if [ ! -s "$DATA/ready" ]; then
  SAID=$(mktemp)
  rm -rf "$DATA" && install -d -o postgres -g postgres -m 700 "$DATA"
  printf '%s' "$SUPERUSER_PASSWORD" >/tmp/password && chmod 644 /tmp/password
  as_postgres "$BIN/initdb" --pgdata "$DATA" --username postgres --encoding UTF8 --no-locale --no-sync \
    --auth scram-sha-256 --pwfile /tmp/password >"$SAID"
  echo 'host all all all scram-sha-256' >>"$DATA/pg_hba.conf"
  single postgres <<SQL
CREATE ROLE app LOGIN PASSWORD '$APP_PASSWORD';
CREATE ROLE reporting LOGIN PASSWORD '$REPORTING_PASSWORD';
CREATE DATABASE orders OWNER app;
SQL
  # It exits 0 after a failed statement: its words decide.
  if grep -E 'ERROR:|FATAL:' "$SAID"; then exit 1; fi
  single orders <<SQL
ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT SELECT, UPDATE ON TABLES TO reporting;
SQL
  if grep -E 'ERROR:|FATAL:' "$SAID"; then exit 1; fi
  echo yes >"$DATA/ready"
fi

rm -f "$DATA/postmaster.pid" "$CLOCK" # a container that was killed leaves the first behind
for library in /usr/lib/*/faketime/libfaketime.so.1; do
  if [ -e "$library" ]; then
    echo '+0' >"$CLOCK" && chmod 644 "$CLOCK"
    set -- env "LD_PRELOAD=$library" "FAKETIME_TIMESTAMP_FILE=$CLOCK" FAKETIME_NO_CACHE=1 \
      FAKETIME_DONT_FAKE_MONOTONIC=1
    FAKED=("$@")
  fi
done

# The settings of a drill's server, but for max_connections, which leaves room to use all of them up. The
# deadlock timer is off because libfaketime does not survive the server's timers every time.
exec setpriv --reuid postgres --regid postgres --init-groups -- ${FAKED[@]+"${FAKED[@]}"} \
  "$BIN/postgres" -D "$DATA" -p 5432 \
  -c listen_addresses='*' -c unix_socket_directories= \
  -c fsync=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0 \
  -c max_connections=26 -c max_prepared_transactions=10 -c shared_buffers=32MB -c jit=off \
  -c max_parallel_workers_per_gather=0 -c deadlock_timeout=1h -c timezone=UTC -c log_timezone=UTC \
  -c log_line_prefix='%m [%p] %q%u@%d %a '
