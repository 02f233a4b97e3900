#!/usr/bin/env bash
# What every commit passes, in under three minutes warm: format, lint, vet, generated files current, unit tests.
#   scripts/check.sh GO_BUILD_TAGS
set -euo pipefail
tags=${1:?build tags}
export CGO_ENABLED=0 # as the programs are built: nothing is compiled twice
cd "$(dirname "$0")/.."
started=$SECONDS
step() { printf '\n== %s (%d s)\n' "$*" $((SECONDS - started)); }

step "format"
unformatted=$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l)
[[ -z $unformatted ]] || { printf 'not formatted (make fmt):\n%s\n' "$unformatted"; exit 1; }

step "vet and staticcheck"
go vet -tags "$tags" ./...
go vet -tags "$tags,demo" ./controlplane/...
.bin/staticcheck -tags "$tags" ./...

step "generated files"
go run -buildvcs=false -tags "$tags" ./controlplane/cmd/kubechatd openapi | diff -u api/openapi.yaml - ||
  { echo "api/openapi.yaml is not what the handlers say: make generate"; exit 1; }

step "web: lint, types, unit tests"
make --no-print-directory web/node_modules/.package-lock.json
(cd web && npm run --silent lint && npm run --silent typecheck && npm run --silent test)

step "Go unit tests"
mapfile -t packages < <(go list -buildvcs=false ./... | grep -v "/e2e\(/\|$\)")
# no -shuffle and no -race here: what a change does not touch comes from the cache; make test has both
go test -p 4 -buildvcs=false -tags "$tags" -vet=off "${packages[@]}"
