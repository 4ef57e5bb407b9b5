package client

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
)

// redirectGuard refuses answers that redirect to where no stream can be opened. The HTTP client would tell them as a
// request that failed, which might fare better the next time.
type redirectGuard struct {
	http.RoundTripper
	cancel context.CancelCauseFunc
}

// guardRedirects returns the client with the guard.
func guardRedirects(httpClient *http.Client, cancel context.CancelCauseFunc) *http.Client {
	guarded := *httpClient
	guarded.Transport = redirectGuard{cmp.Or(httpClient.Transport, http.DefaultTransport), cancel}
	return &guarded
}

// RoundTrip implements http.RoundTripper. Its error is an *Error where the answer is at fault.
func (g redirectGuard) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := g.RoundTripper.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	fault := redirectFault(request, response)
	if fault == "" {
		return response, nil
	}
	return nil, &Error{
		Kind: KindStatus, Status: response.StatusCode, Proto: response.Proto, Header: response.Header, Message: fault,
		Body: readErrorBody(g.cancel, response),
	}
}

// redirectFault returns what is wrong with where the response redirects to; empty where nothing is.
func redirectFault(request *http.Request, response *http.Response) string {
	switch response.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return ""
	}
	location := response.Header.Get("Location")
	if location == "" {
		return ""
	}
	to, err := request.URL.Parse(location)
	switch {
	case err != nil:
		return "the server redirects to a malformed URL: " + err.Error()
	case to.Scheme != "http" && to.Scheme != "https", to.Hostname() == "":
		return fmt.Sprintf("the server redirects to %q, which is no URL of http or https", location)
	default:
		return ""
	}
}
