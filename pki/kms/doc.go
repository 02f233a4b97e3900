// Package kms keeps the authorities' keys outside of this machine's files: in a PKCS#11 token, or at a cloud's key
// management. Each driver is behind a build tag of its scheme's name (pkcs11, awskms, cloudkms, azurekms), since each
// brings a library of its own; a build without tags has none. Importing the package registers what was built in with
// package pki; start at pki.OpenKeys.
package kms
