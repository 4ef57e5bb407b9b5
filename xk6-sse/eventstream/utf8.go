package eventstream

import "unicode/utf8"

const replacement = "\uFFFD"

// appendDecoded appends src to dst as the Encoding Standard's UTF-8 decoder reads it: every maximal part of src that
// begins a character without completing it becomes one U+FFFD. (Go's own conversions put one for every byte.)
func appendDecoded(dst, src []byte) []byte {
	for len(src) > 0 {
		r, size := utf8.DecodeRune(src)
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, replacement...)
			size = brokenLength(src)
		} else {
			dst = append(dst, src[:size]...)
		}
		src = src[size:]
	}
	return dst
}

// brokenLength returns how many bytes of the ill-formed src one U+FFFD stands for.
func brokenLength(src []byte) int {
	lowest, highest, following := continuation(src[0])
	length := 1
	for length <= following && length < len(src) && src[length] >= lowest && src[length] <= highest {
		length++
		lowest, highest = 0x80, 0xBF
	}
	return length
}

// continuation returns the range of the byte after lead and how many bytes should follow lead.
func continuation(lead byte) (lowest, highest byte, following int) {
	switch {
	case lead >= 0xC2 && lead <= 0xDF:
		return 0x80, 0xBF, 1
	case lead == 0xE0:
		return 0xA0, 0xBF, 2
	case lead == 0xED:
		return 0x80, 0x9F, 2
	case lead >= 0xE1 && lead <= 0xEF:
		return 0x80, 0xBF, 2
	case lead == 0xF0:
		return 0x90, 0xBF, 3
	case lead >= 0xF1 && lead <= 0xF3:
		return 0x80, 0xBF, 3
	case lead == 0xF4:
		return 0x80, 0x8F, 3
	default:
		return 0, 0, 0
	}
}
