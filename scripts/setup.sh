#!/usr/bin/env bash
# Installs what a part of the work needs and this machine lacks: apt on Debian and its kin; elsewhere it names it.
#   scripts/setup.sh demo|test
# Go itself is never installed: go.mod says which, https://go.dev/dl has it.
set -euo pipefail
part=${1:?demo or test}

say() { printf '  %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }
postgres_here() { have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }
squid_here() { [[ -x /usr/lib/squid/security_file_certgen ]]; } # the squid that can open TLS
cni_here() { [[ -x /usr/lib/cni/bridge || -x /opt/cni/bin/bridge ]]; }

have go || { say "Go is missing: install the version named in go.mod from https://go.dev/dl"; exit 1; }

missing=()
want() { "${@:2}" || missing+=("$1"); } # PACKAGE TEST...
want nodejs have node
want npm have npm
want postgresql postgres_here
if [[ $(uname -s) == Linux ]]; then
  if [[ $EUID == 0 || $part == test ]]; then
    want containerd have containerd
    want runc have runc
    want containernetworking-plugins cni_here
    want iptables have iptables
    want conntrack have conntrack
    want iproute2 have ip
    want busybox-static have busybox
  fi
fi
if [[ $part == test ]]; then
  want chromium have chromium
  want gcc have gcc # the race detector, and PKCS#11
  want softhsm2 have softhsm2-util
  want squid-openssl squid_here
  want haproxy have haproxy
fi
[[ ${#missing[@]} == 0 ]] && exit 0

if ! have apt-get; then
  say "please install these (by Debian's names): ${missing[*]}"
  exit 1
fi
as_root=()
if [[ $EUID != 0 ]]; then
  sudo -n true 2>/dev/null || { say "root is needed once; run: sudo apt-get install ${missing[*]}"; exit 1; }
  as_root=(sudo -n)
fi
say "installing with apt: ${missing[*]}"
log=$(mktemp)
# Debian's postgresql would start a server of its own at once; ours runs in the project's folders.
"${as_root[@]}" mkdir -p /etc/postgresql-common
[[ -e /etc/postgresql-common/createcluster.conf ]] ||
  echo 'create_main_cluster = false' | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
# Nor are a proxy and a balancer wanted as services: tests start their own. `systemctl unmask` if you do want them.
if [[ -d /run/systemd/system ]]; then
  for unit in squid haproxy; do
    [[ " ${missing[*]} " != *" $unit"* ]] || "${as_root[@]}" systemctl mask -q "$unit.service" || true
  done
fi
{ "${as_root[@]}" apt-get update -qq &&
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 ||
  { say "apt-get failed; the end of what it said:"; tail -n 20 "$log" >&2; exit 1; }
