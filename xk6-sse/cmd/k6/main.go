// Command k6 is k6 with the modules of this extension built in.
package main

import (
	"go.k6.io/k6/v2/cmd"

	_ "github.com/plan-load/xk6-sse"
)

func main() {
	cmd.Execute()
}
