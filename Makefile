# KubeChat. `make` lists the targets; docs/contributing.md says more.

VERSION ?= 0.1.0
TAGS    := nobadger,nobadgerv1,nobadgerv2,nobbolt,nomysql,nopgx
LDFLAGS := -s -w -X github.com/kubechat/kubechat/internal/version.Version=$(VERSION)
GO      := CGO_ENABLED=0 go
GOBUILD := $(GO) build -buildvcs=false -ldflags '$(LDFLAGS)'
GOTEST  := go test -buildvcs=false -tags $(TAGS) -race -shuffle=on
BIN     := .bin
# -trimpath, for tests too: the build cache's keys are then without the clone's folder, and every clone shares them
export GOFLAGS += -mod=readonly -trimpath

.DEFAULT_GOAL := help
.PHONY: help demo demo-down demo-agent check test test-go test-web test-e2e bench soak build web images charts generate fmt lint tools clients clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## everything on this machine: PostgreSQL, a sandbox Kubernetes, kubechatd, an agent (CLUSTER=current|FILE joins yours)
	@scripts/setup.sh demo
	@$(GO) run -buildvcs=false ./e2e/demo up $(if $(CLUSTER),--cluster '$(CLUSTER)') $(DEMOFLAGS)

demo-down: ## end what a demo left running and remove its state
	@$(GO) run -buildvcs=false ./e2e/demo down

demo-agent: ## a second cluster for the demo: an API server and an agent as a process (TOKEN=kcj1_…)
	@$(GO) run -buildvcs=false ./e2e/demo agent --token '$(TOKEN)'

check: $(BIN)/staticcheck ## format, lint, vet, generated files, unit tests: for every commit, under 3 minutes warm
	@scripts/check.sh $(TAGS)

test: ## all of it: what CI runs
	@scripts/setup.sh test
	@scripts/test.sh $(TAGS)

bench: ## direct against proxies against KubeChat, over a real API server; results in docs/benchmarks.md
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory build
	$(GO) run -buildvcs=false -tags $(TAGS) ./e2e/bench

soak: ## the long forms: 5,000 agents at once, replicas and the database lost for minutes, every fault of docs/faults.md for SOAK=1h
	@scripts/setup.sh test
	KUBECHAT_SOAK=$(or $(SOAK),1h) $(GOTEST) -count=1 -timeout 0 -p 1 -v ./e2e/storm ./e2e/replicas
	KUBECHAT_SOAK=$(or $(SOAK),1h) $(GOTEST) -count=1 -timeout 0 -run TestFaults -v ./e2e/faults

build: web ## the programs, in .bin
	$(GOBUILD) -tags $(TAGS) -o $(BIN)/ ./controlplane/cmd/kubechatd ./controlplane/cmd/kubechat ./agent/cmd/kubechat-agent

web: web/dist/index.html ## the pages, in web/dist

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	cd web && npm install --no-save --no-audit --no-fund --loglevel=error # not npm ci: it refuses a lock file without other systems' optional packages, which some mirrors do not have
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json $(shell find web/app web/index.html web/vite.config.ts -type f 2>/dev/null)
	cd web && npm run --silent build
	@touch $@

images: build ## OCI archives of kubechatd and kubechat-agent, without Docker, in dist/
	$(GO) run -buildvcs=false ./internal/image/mkimages --version $(VERSION) --out dist

charts: tools ## lint the charts and compare their renders with helm/golden
	$(GOTEST) ./helm/...

generate: ## what is generated and committed: api/openapi.yaml, the web client's types
	$(GO) run -buildvcs=false -tags $(TAGS) ./controlplane/cmd/kubechatd openapi > api/openapi.yaml
	cd web && npm run --silent generate

fmt: ## format Go
	gofmt -w $$(git ls-files '*.go')

lint: $(BIN)/staticcheck ## vet and staticcheck
	$(GO) vet -tags $(TAGS) ./...
	$(BIN)/staticcheck -tags $(TAGS) ./...

tools: $(BIN)/helm $(BIN)/staticcheck ## helm and staticcheck, of the versions in tools/go.mod

$(BIN)/helm: tools/go.mod
	cd tools && $(GO) build -buildvcs=false -o ../$(BIN)/ helm.sh/helm/v4/cmd/helm

$(BIN)/staticcheck: tools/go.mod
	cd tools && $(GO) build -buildvcs=false -o ../$(BIN)/ honnef.co/go/tools/cmd/staticcheck

$(BIN)/kwok: tools/go.mod
	cd tools && $(GO) build -buildvcs=false -o ../$(BIN)/ sigs.k8s.io/kwok/cmd/kwok

clients: $(BIN)/debian/usr/bin/kubectl e2e/story/clientnode/node_modules/.package-lock.json ## Kubernetes clients of others, for the end-to-end tests

$(BIN)/debian/usr/bin/kubectl: scripts/old-kubectl.sh
	scripts/old-kubectl.sh $(BIN)/debian
	@touch $@

e2e/story/clientnode/node_modules/.package-lock.json: e2e/story/clientnode/package.json e2e/story/clientnode/package-lock.json
	cd e2e/story/clientnode && npm install --no-save --no-audit --no-fund --loglevel=error
	@touch $@

clean: ## what the build made
	rm -rf $(BIN) dist web/dist/assets web/dist/index.html
