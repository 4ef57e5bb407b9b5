package ledger

import (
	"strconv"
	"time"
)

// layouts are the forms of a server's timestamp: ISO 8601 with or without a fraction, naive (then UTC), with Z or with
// an offset. A fraction is accepted after the seconds without being named.
var layouts = []string{"2006-01-02T15:04:05", "2006-01-02T15:04:05Z07:00"}

// naive is the length of a stamp without fraction.
const naive = len("2006-01-02T15:04:05")

// parseStamp returns the milliseconds since the epoch of a server's timestamp.
func parseStamp(stamp string) (ms float64, ok bool) {
	if ms, ok = parseMicros(stamp); ok {
		return ms, true
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, stamp); err == nil {
			return msOf(t), true
		}
	}
	return 0, false
}

// parseMicros reads the usual form, naive with microseconds, at a fraction of the cost.
func parseMicros(stamp string) (ms float64, ok bool) {
	if len(stamp) != naive+7 || stamp[naive] != '.' {
		return 0, false
	}
	micros, err := strconv.ParseUint(stamp[naive+1:], 10, 32)
	if err != nil {
		return 0, false
	}
	second, err := time.Parse(layouts[0], stamp[:naive])
	if err != nil {
		return 0, false
	}
	return float64(second.Unix())*1e3 + float64(micros)/1e3, true
}
