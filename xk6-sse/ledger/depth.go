package ledger

// maxDepth is how deeply JSON may nest. Parsers recurse, and Go ends a process whose stack grows without end: a few
// megabytes of brackets from a server would do.
const maxDepth = 1_000

// IsTooDeep returns whether a parser of JSON would get deeper into the text than maxDepth.
func IsTooDeep(text string) bool {
	if len(text) <= maxDepth {
		return false
	}
	depth := 0
	inString := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			if depth++; depth > maxDepth {
				return true
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return false
}
