package ledger

import "github.com/tidwall/gjson"

// frame is the members of what a stream said that tell a message of the plan.
type frame struct {
	kind, message, timestamp string
}

// parseFrame reads a JSON object, and returns whether it is a message of the plan: a line of its log or of its errors.
func parseFrame(text string) (frame frame, isMessage bool) {
	if !gjson.Valid(text) {
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
