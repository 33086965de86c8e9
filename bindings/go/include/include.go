// Package include holds the C header. It is a package so that `go mod vendor` keeps the folder.
package include
