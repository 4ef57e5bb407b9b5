// Command bench is what the benchmark of this extension needs beside k6: a source of streams that is faster than any
// client, a plain Go client as the peer, and a way to see what a process costs.
package main

import (
	"fmt"
	"os"
)

var commands = map[string]func(args []string) error{
	"source": serveSource,
	"client": runClient,
	"run":    measureCommand,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fail(fmt.Errorf("usage: bench source | bench client [flags] | bench run [flags] COMMAND [ARGS]"))
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
