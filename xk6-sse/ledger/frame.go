package ledger

import (
	"encoding/json"

	"github.com/tidwall/gjson"
)

// longText is the length from which on gjson, whose recursion goes as deep as the text has it, does not look at a text
// first: a stack that overflows ends the whole process.
const longText = 64 << 10

// IsJSON returns whether text is JSON that can be parsed: one nested deeper than 10,000 is not.
func IsJSON(text string) bool {
	if len(text) < longText {
		return gjson.Valid(text)
	}
	return json.Valid([]byte(text))
}

// frame is the members of what a stream said that tell a message of the plan.
type frame struct {
	kind, message, timestamp string
}

// parseFrame reads a JSON object, and returns whether it is a message of the plan: a line of its log or of its errors.
func parseFrame(text string) (frame frame, isMessage bool) {
	if !IsJSON(text) {
		return frame, false
	}
	gjson.Parse(text).ForEach(func(name, value gjson.Result) bool {
		if value.Type == gjson.String {
			switch name.Str {
			case "type":
				frame.kind = value.Str
			case "message":
				frame.message = value.Str
			case "timestamp":
				frame.timestamp = value.Str
			}
		}
		return true
	})
	return frame, frame.kind == "log" || frame.kind == "error"
}
