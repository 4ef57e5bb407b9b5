package k6sse

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/types"
	"go.k6.io/k6/v2/metrics"

	"github.com/plan-load/xk6-sse/client"
)

// maxMilliseconds is about what a time.Duration can hold.
const maxMilliseconds = 9e12

// arguments are what all streams take.
type arguments struct {
	address *url.URL
	method  string // empty of a WebSocket
	tags    metrics.TagsAndMeta
	sink    client.Sink // may be nil
}

// setters take the values of an object's keys.
type setters map[string]func(sobek.Value) error

// stateFor returns the virtual user's state; there is none in the init context, where it throws.
func (i *instance) stateFor(what string) *lib.State {
	state := i.vu.State()
	if state == nil {
		common.Throw(i.vu.Runtime(), common.NewInitContextError(what+" cannot be used in the init context"))
	}
	return state
}

// parse reads the arguments of a constructor: a URL of one of the schemes, and params of which own are the class's own.
// It throws what is wrong with them.
func (i *instance) parse(call sobek.ConstructorCall, class string, schemes []string, own setters) *arguments {
	args := &arguments{tags: i.stateFor(class).Tags.GetCurrentValues()}
	address, err := parseURL(class, schemes, call.Argument(0))
	if err == nil {
		args.address = address
		rt := i.vu.Runtime()
		err = setAll(rt, class+" params", class+" has no param %q", call.Argument(1), args.withShared(rt, own))
	}
	if err != nil {
		panic(i.vu.Runtime().NewTypeError("%s", err.Error()))
	}
	return args
}

// withShared returns own with the params that all streams take.
func (a *arguments) withShared(rt *sobek.Runtime, own setters) setters {
	own["tags"] = func(value sobek.Value) error { return common.ApplyCustomUserTags(rt, &a.tags, value) }
	own["sink"] = func(value sobek.Value) (err error) { a.sink, err = parseSink(value); return err }
	return own
}

func parseURL(class string, schemes []string, value sobek.Value) (*url.URL, error) {
	if common.IsNullish(value) {
		return nil, fmt.Errorf("%s needs a URL", class)
	}
	address, err := url.Parse(value.String())
	if err != nil {
		return nil, fmt.Errorf("%s needs a valid URL: %w", class, err)
	}
	if !slices.Contains(schemes, address.Scheme) {
		beginning := strings.Join(schemes, ":// or ") + "://"
		return nil, fmt.Errorf("%s needs a URL that begins with %s, not %q", class, beginning, value.String())
	}
	if address.Hostname() == "" {
		return nil, fmt.Errorf("%s needs a URL with a host, not %q", class, value.String())
	}
	return address, nil
}

// setAll hands the values of an object's keys to their setters; no object at all is an empty one. unknown is the error of
// a key without a setter, as a format.
func setAll(rt *sobek.Runtime, what, unknown string, value sobek.Value, keys setters) error {
	return eachKey(rt, what, value, func(key string, value sobek.Value) error {
		set, known := keys[key]
		if !known {
			return fmt.Errorf(unknown, key)
		}
		return set(value)
	})
}

// eachKey calls set for the keys of an object that have a value; no object at all is an empty one.
func eachKey(rt *sobek.Runtime, what string, value sobek.Value, set func(key string, value sobek.Value) error) error {
	if common.IsNullish(value) {
		return nil
	}
	object, isObject := value.(*sobek.Object)
	if !isObject {
		return fmt.Errorf("%s must be an object", what)
	}
	for _, key := range object.Keys() {
		item := object.Get(key)
		if common.IsNullish(item) {
			continue
		}
		if err := set(key, item); err != nil {
			return err
		}
	}
	return nil
}

func headersInto(rt *sobek.Runtime, header http.Header) func(sobek.Value) error {
	return func(value sobek.Value) error {
		return eachKey(rt, "headers", value, func(name string, value sobek.Value) error {
			header.Set(name, value.String())
			return nil
		})
	}
}

// durations are where durations are put, by name.
type durations map[string]*time.Duration

func timeoutsInto(rt *sobek.Runtime, class string, targets durations) func(sobek.Value) error {
	keys := setters{}
	for name, target := range targets {
		keys[name] = durationInto(fmt.Sprintf("the time-out %q", name), target)
	}
	return func(value sobek.Value) error { return setAll(rt, "timeouts", class+" has no time-out %q", value, keys) }
}

func durationInto(what string, target *time.Duration) func(sobek.Value) error {
	return func(value sobek.Value) error {
		duration, err := parseDuration(value)
		if err != nil || duration < 0 {
			return fmt.Errorf(`%s must be milliseconds or a duration like "10s", not %s`, what, value)
		}
		*target = duration
		return nil
	}
}

// reconnectInto takes true for the default way to reconnect, false for none, or an object for another way.
func reconnectInto(rt *sobek.Runtime, class string, target *client.Reconnect) func(sobek.Value) error {
	keys := setters{
		"maxAttempts": wholeInto("maxAttempts", 1, &target.MaxAttempts),
		"delay":       durationInto("delay", &target.Delay),
		"maxDelay":    durationInto("maxDelay", &target.MaxDelay),
		"backoff":     numberInto("backoff", 1, 1000, &target.Backoff),
		"jitter":      numberInto("jitter", 0, 1, &target.Jitter),
	}
	return func(value sobek.Value) error {
		isOn, isBool := value.Export().(bool)
		if isBool && !isOn {
			return nil
		}
		*target = client.DefaultReconnect
		if isBool {
			return nil
		}
		return setAll(rt, "reconnect", class+` has no param "reconnect.%s"`, value, keys)
	}
}

func parseDuration(value sobek.Value) (time.Duration, error) {
	exported := value.Export()
	switch exported.(type) {
	case int64, float64:
		if !(math.Abs(value.ToFloat()) < maxMilliseconds) { // NaN included
			return 0, errors.New("out of range")
		}
	}
	return types.GetDurationValue(exported)
}

func wholeInto(what string, least int, target *int) func(sobek.Value) error {
	return func(value sobek.Value) error {
		number, isInteger := value.Export().(int64)
		if !isInteger || number < int64(least) {
			return fmt.Errorf("%s must be a whole number of at least %d, not %s", what, least, value)
		}
		*target = int(number)
		return nil
	}
}

func numberInto(what string, least, most float64, target *float64) func(sobek.Value) error {
	return func(value sobek.Value) error {
		number := value.ToFloat()
		if !(number >= least && number <= most) {
			return fmt.Errorf("%s must be a number from %v to %v, not %s", what, least, most, value)
		}
		*target = number
		return nil
	}
}

// parseSink takes an object that another Go module has made.
func parseSink(value sobek.Value) (client.Sink, error) {
	sink, isSink := value.Export().(client.Sink)
	if !isSink {
		return nil, errors.New("sink must be an object of a Go module that takes events")
	}
	return sink, nil
}
