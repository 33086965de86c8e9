// Package lib holds the static archive of one platform. It is a package so that `go mod vendor` keeps the folder.
package lib
