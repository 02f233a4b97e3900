# kubechatd, for those who have Docker; `make images` does without.
#   docker build --build-arg VERSION=0.1.0 -t kubechat/kubechatd:0.1.0 .
FROM --platform=$BUILDPLATFORM node:22-bookworm AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web .
RUN npm run build

FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
ARG TARGETOS TARGETARCH VERSION=dev
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=web /src/web/dist web/dist
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath \
    -tags nobadger,nobadgerv1,nobadgerv2,nobbolt,nomysql,nopgx \
    -ldflags "-s -w -X github.com/kubechat/kubechat/internal/version.Version=$VERSION" \
    -o /kubechatd ./controlplane/cmd/kubechatd

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /kubechatd /kubechatd
USER 65532:65532
ENTRYPOINT ["/kubechatd"]
