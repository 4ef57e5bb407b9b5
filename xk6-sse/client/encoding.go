package client

import (
	"compress/gzip"
	"io"
	"strings"
)

func canDecode(encoding string) bool {
	return encoding == "" || strings.EqualFold(encoding, "identity") || isGzip(encoding)
}

func isGzip(encoding string) bool {
	return strings.EqualFold(encoding, "gzip") || strings.EqualFold(encoding, "x-gzip")
}

// decode returns body without its Content-Encoding; what cannot be decoded stays as it is.
func decode(body io.Reader, encoding string) io.Reader {
	if isGzip(encoding) {
		return &gunzip{compressed: body}
	}
	return body
}

// gunzip returns what the server has flushed at once. Unlike a gzip.Reader it reads nothing before its first Read.
type gunzip struct {
	compressed io.Reader
	plain      *gzip.Reader
}

// Read implements io.Reader.
func (g *gunzip) Read(buffer []byte) (n int, err error) {
	if g.plain == nil {
		if g.plain, err = gzip.NewReader(g.compressed); err != nil {
			g.plain = nil
			return 0, err
		}
	}
	return g.plain.Read(buffer)
}
