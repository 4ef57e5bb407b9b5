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
	"go.k6.io/k6/v2/lib/types"
	"go.k6.io/k6/v2/metrics"

	"github.com/plan-load/xk6-sse/client"
)

// maxMilliseconds is about what a time.Duration can hold.
const maxMilliseconds = 9e12

// arguments are what the constructors of all streams take.
type arguments struct {
	address *url.URL
	tags    metrics.TagsAndMeta
	sink    client.Sink // may be nil
}

// setters take the values of an object's keys.
type setters map[string]func(sobek.Value) error

// parse reads the arguments of a constructor: a URL of one of the schemes, and params of which own are the class's own.
// It throws what is wrong with them.
func (i *instance) parse(call sobek.ConstructorCall, class string, schemes []string, own setters) *arguments {
	rt := i.vu.Runtime()
	state := i.vu.State()
	if state == nil {
		common.Throw(rt, common.NewInitContextError(class+" cannot be constructed in the init context"))
	}
	parsed := &arguments{tags: state.Tags.GetCurrentValues()}
	own["tags"] = func(value sobek.Value) error { return common.ApplyCustomUserTags(rt, &parsed.tags, value) }
	own["sink"] = func(value sobek.Value) (err error) { parsed.sink, err = parseSink(value); return err }
	address, err := parseURL(class, schemes, call.Argument(0))
	if err == nil {
		parsed.address = address
		err = setAll(rt, class+" params", class+" has no param", call.Argument(1), own)
	}
	if err != nil {
		panic(rt.NewTypeError("%s", err.Error()))
	}
	return parsed
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

// setAll hands the values of an object's keys to their setters; no object at all is an empty one.
func setAll(rt *sobek.Runtime, what, unknown string, value sobek.Value, keys setters) error {
	return eachKey(rt, what, value, func(key string, value sobek.Value) error {
		set, known := keys[key]
		if !known {
			return fmt.Errorf("%s %q", unknown, key)
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
		keys[name] = func(value sobek.Value) error {
			limit, err := parseDuration(value)
			if err != nil || limit < 0 {
				return fmt.Errorf(`the time-out %q must be milliseconds or a duration like "10s", not %s`, name, value)
			}
			*target = limit
			return nil
		}
	}
	return func(value sobek.Value) error { return setAll(rt, "timeouts", class+" has no time-out", value, keys) }
}

func parseDuration(value sobek.Value) (time.Duration, error) {
	exported := value.Export()
	if number, isFloat := exported.(float64); isFloat && !(math.Abs(number) < maxMilliseconds) {
		return 0, errors.New("out of range")
	}
	return types.GetDurationValue(exported)
}

func sizeInto(name string, target *int) func(sobek.Value) error {
	return func(value sobek.Value) error {
		limit, isInteger := value.Export().(int64)
		if !isInteger || limit < 1 {
			return fmt.Errorf("%s must be a whole number above 0, not %s", name, value)
		}
		*target = int(limit)
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
