package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// openingAtOnce is how many streams open before the next ones do.
	openingAtOnce = 100
	openingPause  = 20 * time.Millisecond
)

// follow opens the stream of a plan and hands on the JSON of each of its messages until it ends.
type follow func(ctx context.Context, base, plan string, message func(text []byte)) error

var transports = map[string]follow{"sse": followSSE, "ws": followWebSocket}

// runClient opens streams as a plain Go program would, and prints what came of them.
func runClient(args []string) error {
	flags := flag.NewFlagSet("client", flag.ExitOnError)
	base := flags.String("url", "", "where the source listens")
	transport := flags.String("transport", "sse", "sse or ws")
	plan := flags.String("plan", "idle", "the id of the plan whose streams are opened")
	streams := flags.Int("streams", 1, "how many streams")
	accounts := flags.Bool("account", false, "account for every message; else they are counted")
	hold := flags.Duration("hold", time.Minute, "how long a stream may live")
	if err := flags.Parse(args); err != nil {
		return err
	}
	open, known := transports[*transport]
	if !known {
		return fmt.Errorf("no transport %s: there are sse and ws", *transport)
	}
	ctx, cancel := context.WithTimeout(context.Background(), *hold)
	defer cancel()

	results := make([]account, *streams)
	errs := make([]error, *streams)
	var pending sync.WaitGroup
	for i := range results {
		take := results[i].count
		if *accounts {
			take = results[i].take
		}
		pending.Go(func() { errs[i] = open(ctx, *base, *plan, take) })
		if i%openingAtOnce == openingAtOnce-1 {
			time.Sleep(openingPause)
		}
	}
	pending.Wait()
	if err := errors.Join(errs...); err != nil && ctx.Err() == nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(summarise(results))
}

func followSSE(ctx context.Context, base, plan string, message func([]byte)) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/plans/"+plan+"/stream", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if data, found := bytes.CutPrefix(lines.Bytes(), []byte("data: ")); found {
			message(data)
		}
	}
	return lines.Err()
}

func followWebSocket(ctx context.Context, base, plan string, message func([]byte)) error {
	address := strings.Replace(base, "http", "ws", 1) + "/ws/plans/" + plan + "/progress"
	socket, _, err := websocket.DefaultDialer.DialContext(ctx, address, nil)
	if err != nil {
		return err
	}
	defer socket.Close()
	defer context.AfterFunc(ctx, func() { _ = socket.Close() })()
	for {
		_, text, err := socket.ReadMessage()
		if websocket.IsCloseError(err, websocket.CloseNormalClosure) {
			return nil
		}
		if err != nil {
			return err
		}
		message(text)
	}
}

// account is what one stream received.
type account struct {
	received, duplicates, reordered int
	latencies                       []time.Duration

	known map[string]struct{}
	last  time.Time
}

var logPrefix = []byte(`{"type":"log"`)

// count counts a message without looking into it.
func (a *account) count(text []byte) {
	if bytes.HasPrefix(text, logPrefix) {
		a.received++
	}
}

// take accounts for a message: each is known by its stamp and text, in order, and has a latency.
func (a *account) take(text []byte) {
	at := time.Now()
	var message struct{ Type, Message, Timestamp string }
	if json.Unmarshal(text, &message) != nil || message.Type != "log" {
		return
	}
	a.received++
	stamp, err := time.Parse(stampLayout, message.Timestamp)
	if err != nil {
		return
	}
	if stamp.Before(a.last) {
		a.reordered++
	}
	a.last = stamp
	if a.known == nil {
		a.known = map[string]struct{}{}
	}
	key := message.Timestamp + "\n" + message.Message
	if _, isKnown := a.known[key]; isKnown {
		a.duplicates++
		return
	}
	a.known[key] = struct{}{}
	a.latencies = append(a.latencies, at.Sub(stamp))
}

// summary is what the streams of a client received together; the scripts of the benchmark print the same.
type summary struct {
	Received   int     `json:"received"`
	Duplicates int     `json:"duplicates"`
	Reordered  int     `json:"reordered"`
	P50Ms      float64 `json:"p50Ms"`
	P95Ms      float64 `json:"p95Ms"`
	P99Ms      float64 `json:"p99Ms"`
}

func summarise(accounts []account) summary {
	var all summary
	var latencies []time.Duration
	for _, one := range accounts {
		all.Received += one.received
		all.Duplicates += one.duplicates
		all.Reordered += one.reordered
		latencies = append(latencies, one.latencies...)
	}
	slices.Sort(latencies)
	all.P50Ms, all.P95Ms, all.P99Ms = quantile(latencies, 0.5), quantile(latencies, 0.95), quantile(latencies, 0.99)
	return all
}

// quantile is in milliseconds; 0 where there are no values.
func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[int(q*float64(len(sorted)-1))]) / float64(time.Millisecond)
}
