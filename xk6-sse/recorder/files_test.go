package recorder

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func requireFiles(t *testing.T, directory string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(directory)
	require.NoError(t, err)
	found := []string{}
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	require.Equal(t, names, found)
}

func requireContent(t *testing.T, path, content string) {
	t.Helper()
	found, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, content, string(found))
}

func TestSave(t *testing.T) {
	directory := t.TempDir()
	for _, content := range []string{"", "long content", "ж"} {
		require.NoError(t, Save(directory, "a.json", content))
		requireContent(t, filepath.Join(directory, "a.json"), content)
	}
	requireFiles(t, directory, "a.json")
	info, err := os.Stat(filepath.Join(directory, "a.json"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o644), info.Mode())
}

func TestFailingSaveLeavesTheOldFile(t *testing.T) {
	directory := t.TempDir()
	require.NoError(t, Save(directory, "a.json", "old"))
	full := errors.New("disk full")
	err := putFile(directory, "a.json", io.MultiReader(strings.NewReader("half"), iotest.ErrReader(full)), os.Rename)
	require.ErrorIs(t, err, full)
	requireContent(t, filepath.Join(directory, "a.json"), "old")
	requireFiles(t, directory, "a.json")
}

func TestFailingRenameLeavesNoTemporaryFile(t *testing.T) {
	directory := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(directory, "a.json", "full"), 0o755))
	require.Error(t, Save(directory, "a.json", "new"))
	requireFiles(t, directory, "a.json")
}

func TestSaveErrors(t *testing.T) {
	directory := t.TempDir()
	missing := filepath.Join(directory, "missing")
	require.EqualError(t, Save(missing, "a", ""),
		`cannot write results to "`+missing+`": no such file or directory; choose another directory with OUT_DIR`)
	for _, name := range []string{"", ".", "..", "a/b", "../a", `a\b`, "a\x00"} {
		require.ErrorContains(t, Save(directory, name, ""), "only a plain file name is allowed")
	}
	requireFiles(t, directory, []string{}...)
}

func TestBegin(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "results", "x")
	require.NoError(t, Begin(directory, "{}"))
	requireContent(t, filepath.Join(directory, "run.json"), "{}")
	require.EqualError(t, Begin(directory, "other"),
		`"`+directory+`" already holds the run.json of another run; choose another directory with OUT_DIR`)
	requireContent(t, filepath.Join(directory, "run.json"), "{}")
}

func TestOfManyThatBeginAtOnceOneDoes(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "x")
	begun := make(chan string)
	for i := range 20 {
		go func() {
			document := strconv.Itoa(i)
			if Begin(directory, document) != nil {
				document = ""
			}
			begun <- document
		}()
	}
	documents := []string{}
	for range 20 {
		if document := <-begun; document != "" {
			documents = append(documents, document)
		}
	}
	require.Len(t, documents, 1)
	requireContent(t, filepath.Join(directory, "run.json"), documents[0])
	requireFiles(t, directory, "run.json")
}

func TestBeginErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.EqualError(t, Begin(filepath.Join(file, "x"), "{}"),
		`cannot write results to "`+filepath.Join(file, "x")+`": not a directory; choose another directory with OUT_DIR`)
}
