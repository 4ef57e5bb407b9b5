package k6sse

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
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

type params struct {
	request client.Request
	tags    metrics.TagsAndMeta
	sink    client.Sink
}

func parseURL(value sobek.Value) (*url.URL, error) {
	if common.IsNullish(value) {
		return nil, errors.New("EventSource needs a URL")
	}
	address, err := url.Parse(value.String())
	if err != nil {
		return nil, fmt.Errorf("EventSource needs a valid URL: %w", err)
	}
	if address.Scheme != "http" && address.Scheme != "https" {
		return nil, fmt.Errorf("EventSource needs a URL that begins with http:// or https://, not %q", value.String())
	}
	if address.Hostname() == "" {
		return nil, fmt.Errorf("EventSource needs a URL with a host, not %q", value.String())
	}
	return address, nil
}

func parseParams(rt *sobek.Runtime, state *lib.State, value sobek.Value) (*params, error) {
	p := &params{tags: state.Tags.GetCurrentValues()}
	p.request.Header = http.Header{}
	if state.Options.UserAgent.Valid {
		p.request.Header.Set("User-Agent", state.Options.UserAgent.String)
	}
	return p, eachKey(rt, "EventSource params", value, func(key string, value sobek.Value) error {
		return p.set(rt, key, value)
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

func (p *params) set(rt *sobek.Runtime, key string, value sobek.Value) (err error) {
	switch key {
	case "method":
		p.request.Method = strings.ToUpper(value.String())
	case "headers":
		err = eachKey(rt, "headers", value, p.setHeader)
	case "body":
		p.request.Body, err = parseBody(value)
	case "tags":
		err = common.ApplyCustomUserTags(rt, &p.tags, value)
	case "timeouts":
		err = eachKey(rt, "timeouts", value, p.setTimeout)
	case "sink":
		p.sink, err = parseSink(value)
	case "maxLineBytes":
		p.request.MaxLineBytes, err = parseMaxLineBytes(value)
	default:
		err = fmt.Errorf("EventSource has no param %q", key)
	}
	return err
}

func (p *params) setHeader(name string, value sobek.Value) error {
	p.request.Header.Set(name, value.String())
	return nil
}

func parseBody(value sobek.Value) (string, error) {
	body, isString := value.Export().(string)
	if !isString {
		return "", errors.New("body must be a string")
	}
	return body, nil
}

func (p *params) setTimeout(name string, value sobek.Value) error {
	timeouts := &p.request.Timeouts
	targets := map[string]*time.Duration{
		"connect": &timeouts.Connect, "firstEvent": &timeouts.FirstEvent,
		"idle": &timeouts.Idle, "total": &timeouts.Total,
	}
	target, known := targets[name]
	if !known {
		return fmt.Errorf("EventSource has no time-out %q", name)
	}
	limit, err := parseDuration(value)
	if err != nil || limit < 0 {
		return fmt.Errorf(`the time-out %q must be milliseconds or a duration like "10s", not %s`, name, value)
	}
	*target = limit
	return nil
}

func parseDuration(value sobek.Value) (time.Duration, error) {
	exported := value.Export()
	if number, isFloat := exported.(float64); isFloat && !(math.Abs(number) < maxMilliseconds) {
		return 0, errors.New("out of range")
	}
	return types.GetDurationValue(exported)
}

// parseSink takes an object that another Go module has made.
func parseSink(value sobek.Value) (client.Sink, error) {
	sink, isSink := value.Export().(client.Sink)
	if !isSink {
		return nil, errors.New("sink must be an object of a Go module that takes events")
	}
	return sink, nil
}

func parseMaxLineBytes(value sobek.Value) (int, error) {
	limit, isInteger := value.Export().(int64)
	if !isInteger || limit < 1 {
		return 0, fmt.Errorf("maxLineBytes must be a whole number above 0, not %s", value)
	}
	return int(limit), nil
}
