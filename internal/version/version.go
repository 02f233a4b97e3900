// Package version says which build of KubeChat this is.
package version

// Version is set by the linker (see the Makefile); "dev" is a build without it.
var Version = "dev"
