#!/bin/sh
# Makes the certificates of tests/process/tls.rs, and of the tests of temporal-link and stigmer-cli, anew: an authority and the one server that
# it signs, localhost. They hold from 2000 to 2100, whatever the clock of a machine says. The authority's key is thrown
# away.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: >"$work/index"
cat >"$work/ca.cnf" <<END
[ca]
default_ca = it
[it]
database = $work/index
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = any
default_startdate = 20000101000000Z
default_enddate = 21000101000000Z
[any]
commonName = supplied
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[server]
basicConstraints = critical,CA:FALSE
subjectAltName = DNS:localhost
END
request() {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$2" -out "$work/request" -subj "/CN=$1"
}
sign() {
    openssl ca -batch -notext -config "$work/ca.cnf" -keyfile "$work/authority.key" -in "$work/request" "$@"
}
request "stigmer-e2e tests" "$work/authority.key"
sign -selfsign -extensions authority -out authority.pem
request localhost localhost.key
sign -cert authority.pem -extensions server -out localhost.pem
