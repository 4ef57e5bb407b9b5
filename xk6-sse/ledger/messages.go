package ledger

// key is what a message is known by. Texts are told apart by their hashes: of 64 bits, so that two texts of one moment
// are never taken for the same.
type key struct {
	stamp float64
	text  uint64
}

// message is a message that some account has received.
type message struct {
	key
	isOld bool     // it became known beyond the horizon: the accounts of then have it settled
	seen  uint64   // a bit for each of the first 64 accounts
	more  []uint64 // and for those after them
}

func (m *message) seenBy(account int) bool {
	if account < 64 {
		return m.seen>>account&1 == 1
	}
	word := account/64 - 1
	return word < len(m.more) && m.more[word]>>(account%64)&1 == 1
}

func (m *message) setSeenBy(account int) {
	if account < 64 {
		m.seen |= 1 << account
		return
	}
	word := account/64 - 1
	for len(m.more) <= word {
		m.more = append(m.more, 0)
	}
	m.more[word] |= 1 << (account % 64)
}

// messages are the known ones, in the order in which they became known.
type messages struct {
	queue  []message
	first  int         // of the queue: those before it are forgotten
	base   int         // the number of queue[0], counted from the ledger's first message
	number map[key]int // the number of each known message
}

func newMessages() messages {
	return messages{number: map[key]int{}}
}

// see notes that account has received the message of this key, and returns whether it is the first time.
func (m *messages) see(k key, account int, isOld bool) bool {
	number, known := m.number[k]
	if !known {
		number = m.base + len(m.queue)
		m.number[k] = number
		m.queue = append(m.queue, message{key: k, isOld: isOld})
	}
	entry := &m.queue[number-m.base]
	if entry.seenBy(account) {
		return false
	}
	entry.setSeenBy(account)
	return true
}

// oldest returns the message that became known first.
func (m *messages) oldest() (oldest *message, any bool) {
	if m.first == len(m.queue) {
		return nil, false
	}
	return &m.queue[m.first], true
}

// forgetOldest forgets the oldest. Once a quarter of the queue is forgotten, the rest moves to its front.
func (m *messages) forgetOldest() {
	delete(m.number, m.queue[m.first].key)
	m.queue[m.first] = message{}
	m.first++
	if m.first*4 > len(m.queue) {
		kept := copy(m.queue, m.queue[m.first:])
		clear(m.queue[kept:])
		m.queue = m.queue[:kept]
		m.base += m.first
		m.first = 0
	}
}
