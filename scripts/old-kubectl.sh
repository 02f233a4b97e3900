#!/usr/bin/env bash
# Unpacks Debian's kubectl (release 1.20, which speaks SPDY only) into a folder, beside whatever kubectl the machine has.
#   scripts/old-kubectl.sh FOLDER
set -euo pipefail
into=${1:?folder}
command -v apt-get >/dev/null && command -v dpkg >/dev/null || {
  echo "the tests of old clients need apt-get and dpkg, to fetch Debian's package kubernetes-client: run them on Debian or its kin" >&2
  exit 1
}
mkdir -p "$into"
into=$(cd "$into" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fetch() { apt-get download -qq kubernetes-client >log 2>&1; }
fetch || {
  if [[ $EUID == 0 ]]; then apt-get update -qq; else sudo -n apt-get update -qq; fi
  fetch || { tail -n 5 log >&2; exit 1; }
}
dpkg -x kubernetes-client_*.deb "$into"
