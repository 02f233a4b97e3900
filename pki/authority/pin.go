package authority

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.step.sm/crypto/jose"

	"github.com/kubechat/kubechat/pki"
)

// Limits of a cluster's key set, and the signatures Kubernetes makes service account tokens with.
const (
	maxKeySet = 32 << 10
	maxKeys   = 32
	skew      = time.Minute
)

var tokenAlgorithms = []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"}

// What can be wrong with a service account token. Only an expired one is no sign of a copy: a clock may be wrong.
var (
	errTokenMissing = errors.New("it sent no service account token, and always had one")
	errTokenForeign = errors.New("its service account token was signed by another cluster's keys")
	errTokenOther   = errors.New("its service account token is another service account's")
	errTokenExpired = errors.New("its service account token has expired: is the clock of its cluster right?")
)

// NewPin makes the pin of what an agent said of its cluster at enrolment. One that said nothing, or not all of it, gets
// the zero pin; a token that its own keys did not sign is an error that may be shown.
func NewPin(own pki.OwnCluster, now time.Time) (pki.Pin, error) {
	if len(own.Keys) == 0 || own.ServiceAccountToken == "" {
		return pki.Pin{}, nil
	}
	keys, err := parseKeySet(own.Keys)
	if err != nil {
		return pki.Pin{}, err
	}
	claims, err := verifyToken(keys, own.ServiceAccountToken, now)
	if err != nil {
		return pki.Pin{}, fmt.Errorf("the agent does not fit the cluster it says it runs in: %w", err)
	}
	if !strings.HasPrefix(claims.Subject, "system:serviceaccount:") || claims.Issuer == "" {
		return pki.Pin{}, errors.New("the agent's token is not a service account's")
	}
	text, err := json.Marshal(keys)
	return pki.Pin{Issuer: claims.Issuer, Subject: claims.Subject, KeySet: string(text)}, err
}

// Pin is NewPin of this moment.
func (a *Authority) Pin(own pki.OwnCluster) (pki.Pin, error) { return NewPin(own, time.Now()) }

// checkPin says whether a token is the pinned service account's.
func checkPin(pin pki.Pin, token string, now time.Time) error {
	if pin.IsZero() {
		return nil
	}
	if token == "" {
		return errTokenMissing
	}
	keys, err := parseKeySet([]byte(pin.KeySet))
	if err != nil {
		return err
	}
	claims, err := verifyToken(keys, token, now)
	if err != nil && !errors.Is(err, errTokenExpired) {
		return err
	}
	if claims.Issuer != pin.Issuer || claims.Subject != pin.Subject {
		return errTokenOther
	}
	return err
}

func parseKeySet(data []byte) (jose.JSONWebKeySet, error) {
	var set jose.JSONWebKeySet
	if len(data) > maxKeySet || json.Unmarshal(data, &set) != nil || len(set.Keys) == 0 || len(set.Keys) > maxKeys {
		return set, errors.New("the cluster's key set can't be read")
	}
	for _, k := range set.Keys {
		if !k.Valid() || !k.IsPublic() {
			return set, errors.New("the cluster's key set holds something else than public keys")
		}
	}
	return set, nil
}

// verifyToken returns the claims of a token that one of the keys signed for us. With errTokenExpired they are there, too.
func verifyToken(keys jose.JSONWebKeySet, token string, now time.Time) (claims jose.Claims, err error) {
	tok, err := jose.ParseSigned(token)
	if err != nil || len(tok.Headers) != 1 || !slices.Contains(tokenAlgorithms, tok.Headers[0].Algorithm) {
		return claims, errTokenForeign
	}
	candidates := keys.Keys
	if kid := tok.Headers[0].KeyID; kid != "" {
		candidates = keys.Key(kid)
	}
	if !slices.ContainsFunc(candidates, func(k jose.JSONWebKey) bool { return tok.Claims(k.Key, &claims) == nil }) {
		return jose.Claims{}, errTokenForeign
	}
	switch {
	case !claims.Audience.Contains(pki.Audience):
		return claims, errTokenOther
	case claims.Expiry == nil || now.After(claims.Expiry.Time().Add(skew)):
		return claims, errTokenExpired
	case claims.NotBefore != nil && now.Before(claims.NotBefore.Time().Add(-skew)):
		return claims, errTokenExpired
	}
	return claims, nil
}
