// Package xk6sse adds the JavaScript modules k6/x/sse and k6/x/recorder and the command `k6 x watch` to k6.
package xk6sse

import (
	_ "github.com/plan-load/xk6-sse/k6sse"
	_ "github.com/plan-load/xk6-sse/recorder"
	_ "github.com/plan-load/xk6-sse/watch"
)
