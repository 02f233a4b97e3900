package ratelimit

import (
	"strconv"
	"testing"
	"time"
)

func TestLimiterRefillsAndForgets(t *testing.T) {
	t.Parallel()
	l, now := New(1, 3), time.Unix(1000, 0)
	for range 3 {
		if l.Take("a", now) != 0 {
			t.Fatal("refused within the burst")
		}
	}
	if wait := l.Take("a", now); wait != time.Second {
		t.Errorf("wait %s", wait)
	}
	if l.Take("b", now) != 0 {
		t.Error("one key limits another")
	}
	if l.Take("a", now.Add(time.Second)) != 0 {
		t.Error("not refilled")
	}
	for n := range maxKeys {
		l.Take(strconv.Itoa(n), now)
	}
	if l.Take("new", now) == 0 || len(l.buckets) > maxKeys {
		t.Errorf("%d buckets, all in use, and one more is let in", len(l.buckets))
	}
	if l.Take("new", now.Add(time.Minute)) != 0 || len(l.buckets) > maxKeys {
		t.Errorf("%d buckets, full ones are not forgotten", len(l.buckets))
	}
}

func TestOneCustomersIPv6AddressesAreOneKey(t *testing.T) {
	t.Parallel()
	if Address("[2001:db8:1:2::1]:1") != Address("[2001:db8:1:2:ffff::9]:2") || Address("[2001:db8:1:2::1]:1") == Address("[2001:db8:1:3::1]:1") {
		t.Error("not limited by /64")
	}
	if Address("192.0.2.1:1") != Address("192.0.2.1:2") || Address("192.0.2.1:1") == Address("192.0.2.2:1") || Address("[::ffff:192.0.2.1]:9") != Address("192.0.2.1:1") {
		t.Error("IPv4 is not limited by address")
	}
	if Address("@") != "@" {
		t.Error("what is no address is a key of its own")
	}
}
