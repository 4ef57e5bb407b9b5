package recorder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const runFile = "run.json"

// Begin makes directory, with its parents, and writes document into its run.json. It refuses a directory that has one: of
// several that begin at once, one does.
func Begin(directory, document string) error {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return cannotWrite(directory, err)
	}
	switch err := putFile(directory, runFile, strings.NewReader(document), linkNew); {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%q already holds the %s of another run; choose another directory with OUT_DIR",
			directory, runFile)
	case err != nil:
		return cannotWrite(directory, err)
	}
	return nil
}

// linkNew gives the file from the name to, unless there is one of that name; from goes.
func linkNew(from, to string) error {
	err := os.Link(from, to)
	if err == nil {
		return os.Remove(from)
	}
	if _, there := os.Lstat(to); errors.Is(err, fs.ErrExist) || there == nil {
		return fs.ErrExist
	}
	return os.Rename(from, to) // a file system without links
}

// Save writes the file name in directory whole or not at all.
func Save(directory, name, content string) error {
	if !isPlainName(name) {
		return fmt.Errorf("cannot write a file named %q: only a plain file name is allowed", name)
	}
	if err := putFile(directory, name, strings.NewReader(content), os.Rename); err != nil {
		return cannotWrite(directory, err)
	}
	return nil
}

func isPlainName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\\\x00")
}

// putFile writes beside the file and then moves it there, so that a reader or a crash never meets half a file.
func putFile(directory, name string, content io.Reader, move func(from, to string) error) (err error) {
	temporary, err := os.CreateTemp(directory, "."+name+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temporary.Name())
		}
	}()
	if err := writeAndClose(temporary, content); err != nil {
		return err
	}
	if err := move(temporary.Name(), filepath.Join(directory, name)); err != nil {
		return err
	}
	return syncDirectory(directory)
}

func writeAndClose(file *os.File, content io.Reader) error {
	_, err := io.Copy(file, content)
	return errors.Join(err, file.Chmod(0o644), file.Sync(), file.Close())
}

// syncDirectory makes a rename in directory last over a crash of the machine.
func syncDirectory(directory string) error {
	opened, err := os.Open(directory)
	if err != nil {
		return err
	}
	return errors.Join(opened.Sync(), opened.Close())
}

func cannotWrite(directory string, err error) error {
	return fmt.Errorf("cannot write results to %q: %s; choose another directory with OUT_DIR", directory, reason(err))
}

// reason is what the operating system says, without the path and the call.
func reason(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return err.Error()
}
