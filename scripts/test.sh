#!/usr/bin/env bash
# All tests, race detector on, the order shuffled; ends at the first part that fails.
#   scripts/test.sh GO_BUILD_TAGS
set -euo pipefail
tags=${1:?build tags}
cd "$(dirname "$0")/.."
started=$SECONDS
step() { printf '\n== %s (%d s)\n' "$*" $((SECONDS - started)); }

# Parts that start a Kubernetes with real pods need root: as root, or through sudo without a password.
as_root=()
if [[ $EUID != 0 ]]; then
  sudo -n true 2>/dev/null || { echo "the end-to-end tests run real pods, which needs root: run as root, or allow 'sudo -n'"; exit 1; }
  as_root=(sudo -n --preserve-env=PATH,HOME,GOFLAGS,GOPATH,GOCACHE,GOMODCACHE)
fi

step "programs and pages"
make --no-print-directory build tools clients

step "web: lint, types, unit tests"
(cd web && npm run --silent lint && npm run --silent typecheck && npm run --silent test)

step "web: every page in a browser, light and dark, wide and narrow"
(cd web && npm run --silent test:browser)

step "Go: packages"
mapfile -t packages < <(CGO_ENABLED=0 go list -buildvcs=false ./... | grep -v '/e2e\(/\|$\)')
CGO_ENABLED=0 go vet -tags "$tags" ./...
go test -vet=off -buildvcs=false -tags "$tags" -race -shuffle=on -timeout 15m "${packages[@]}" # vetted just now, wholly

step "Go: keys in a PKCS#11 token (SoftHSM)"
CGO_ENABLED=1 go test -buildvcs=false -tags "$tags,pkcs11" -race -shuffle=on ./pki/kms

step "images, without Docker"
make --no-print-directory images

step "end to end: real programs, PostgreSQL, Kubernetes with real pods, Chromium"
mapfile -t e2e < <(CGO_ENABLED=0 go list -buildvcs=false ./e2e/... )
"${as_root[@]}" go test -vet=off -buildvcs=false -tags "$tags" -race -shuffle=on -p 1 -timeout 30m "${e2e[@]}"

step "done"
