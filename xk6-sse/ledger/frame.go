package ledger

import "github.com/tidwall/gjson"

// frame is the members of what a stream said that tell a message of the plan.
type frame struct {
	kind, message, timestamp string
}

// parseFrame reads a JSON object, of members of one name the last one, and returns whether it is a message of the plan: a line of its log or of its errors.
func parseFrame(text string) (frame frame, isMessage bool) {
	if IsTooDeep(text) || !gjson.Valid(text) {
		return frame, false
	}
	gjson.Parse(text).ForEach(func(name, value gjson.Result) bool {
		text := ""
		if value.Type == gjson.String {
			text = value.Str
		}
		switch name.Str {
		case "type":
			frame.kind = text
		case "message":
			frame.message = text
		case "timestamp":
			frame.timestamp = text
		}
		return true
	})
	return frame, frame.kind == "log" || frame.kind == "error"
}
