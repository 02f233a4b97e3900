// Package web is the browser's side of KubeChat: a React application built into dist/ and embedded in kubechatd.
// The build's output is not committed; without it Handler answers with a page that says how to make it.
// Start at Handler.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var embedded embed.FS

// Dist is the built application: index.html, assets/ and the few files beside them. It holds only .gitkeep until
// `make web` has run.
var Dist fs.FS = dist()

func dist() fs.FS {
	sub, err := fs.Sub(embedded, "dist")
	if err != nil {
		panic("web: dist is a valid path: " + err.Error())
	}
	return sub
}
