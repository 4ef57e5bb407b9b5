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

// Begin makes directory, with its parents, and writes document into its run.json. It refuses a directory that has one.
func Begin(directory, document string) error {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return cannotWrite(directory, err)
	}
	switch _, err := os.Lstat(filepath.Join(directory, runFile)); {
	case err == nil:
		return fmt.Errorf("%q already holds the %s of another run; choose another directory with OUT_DIR",
			directory, runFile)
	case !errors.Is(err, fs.ErrNotExist):
		return cannotWrite(directory, err)
	}
	return Save(directory, runFile, document)
}

// Save writes the file name in directory whole or not at all.
func Save(directory, name, content string) error {
	if !isPlainName(name) {
		return fmt.Errorf("cannot write a file named %q: only a plain file name is allowed", name)
	}
	if err := replaceFile(directory, name, strings.NewReader(content)); err != nil {
		return cannotWrite(directory, err)
	}
	return nil
}

func isPlainName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\\\x00")
}

// replaceFile writes beside the file and renames, so that a reader or a crash never meets half a file.
func replaceFile(directory, name string, content io.Reader) (err error) {
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
	if err := os.Rename(temporary.Name(), filepath.Join(directory, name)); err != nil {
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
