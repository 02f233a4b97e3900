// Package problem is the one error the outside sees (RFC 9457). An error becomes a problem on purpose, with New,
// where it is known what the person can do about it; everything else reaches the outside as "internal" with a
// request id, and its text stays in the log.
package problem

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Kind is the class of a problem; it decides the HTTP status and the last part of the problem's type URL.
type Kind string

// The kinds.
const (
	Invalid         Kind = "invalid"         // the request can't be understood or breaks a rule it could have known
	Unauthenticated Kind = "unauthenticated" // no valid login or token
	Forbidden       Kind = "forbidden"       // known caller, known thing, not allowed
	NotFound        Kind = "not-found"       // no such thing, or another tenant's
	Conflict        Kind = "conflict"        // the thing is not in the state the request presumes
	Expired         Kind = "expired"         // it was valid once
	TooLarge        Kind = "too-large"
	Limited         Kind = "limited"     // too much at once, or too much this month
	Unavailable     Kind = "unavailable" // a part the request needs is away; trying again may help
	Internal        Kind = "internal"
)

var statuses = map[Kind]int{
	Invalid: http.StatusUnprocessableEntity, Unauthenticated: http.StatusUnauthorized, Forbidden: http.StatusForbidden,
	NotFound: http.StatusNotFound, Conflict: http.StatusConflict, Expired: http.StatusGone,
	TooLarge: http.StatusRequestEntityTooLarge, Limited: http.StatusTooManyRequests,
	Unavailable: http.StatusServiceUnavailable, Internal: http.StatusInternalServerError,
}

// Status is the HTTP status of the kind; an unknown kind is an internal error.
func (k Kind) Status() int {
	if s, ok := statuses[k]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Error is a problem that a person may read. Detail says what is wrong, Fix what to do about it; neither may hold
// a secret, another tenant's name, or text from inside (an SQL error, a stack).
type Error struct {
	Kind       Kind
	Code       string // a stable word for programs, such as "cluster_disconnected"; may be empty
	Detail     string
	Fix        string
	RetryAfter time.Duration // 0: not said
	cause      error
}

// New makes a problem.
func New(kind Kind, detail string) *Error { return &Error{Kind: kind, Detail: detail} }

// Newf makes a problem with a formatted detail.
func Newf(kind Kind, format string, args ...any) *Error {
	return New(kind, fmt.Sprintf(format, args...))
}

// WithCode returns a copy with a stable word for programs.
func (e *Error) WithCode(code string) *Error { c := *e; c.Code = code; return &c }

// WithFix returns a copy that says what to do.
func (e *Error) WithFix(fix string) *Error { c := *e; c.Fix = fix; return &c }

// WithRetryAfter returns a copy that says when trying again may help.
func (e *Error) WithRetryAfter(d time.Duration) *Error { c := *e; c.RetryAfter = d; return &c }

// WithCause returns a copy that keeps err for the log; the outside never sees it.
func (e *Error) WithCause(err error) *Error { c := *e; c.cause = err; return &c }

// Error is for logs: the detail and the cause.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Detail + ": " + e.cause.Error()
	}
	return e.Detail
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.cause }

// As finds the problem in err's chain; an error without one becomes Internal, with err as its cause.
func As(err error) *Error {
	var p *Error
	if errors.As(err, &p) {
		return p
	}
	return New(Internal, "Something went wrong on our side.").WithCause(err)
}

// Is reports whether err is, or wraps, a problem of the kind.
func Is(err error, kind Kind) bool {
	var p *Error
	return errors.As(err, &p) && p.Kind == kind
}
