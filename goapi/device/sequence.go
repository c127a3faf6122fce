package device

// Recorder is implemented by queues that repeat operations at less cost than
// it takes to give them again.
type Recorder interface {
	// TryRecord calls f and records what f gives the queue instead of doing
	// it. It returns nil if that is not possible: where f copies to or from
	// Go memory, factors a matrix, waits, or fails.
	TryRecord(f func()) Recording
}

// Recording is a recorded sequence of operations. It ends with its queue.
type Recording interface {
	Play()  // does the operations with the arguments and matrices of then
	Close() // gives up what it holds
}

// Sequence is a part of an algorithm that gives a queue the same operations
// again and again. Where the queue can record them, the second run does, and
// the later ones are launched as a whole.
type Sequence[T Float] struct {
	recorder  Recorder // nil: every run gives the operations
	key       any
	recording Recording
	refused   bool // recording was tried in vain
}

// NewSequence returns a Sequence on q, which lives as long as q.
func NewSequence[T Float](q Queue[T]) *Sequence[T] {
	r, _ := q.(Recorder)
	return &Sequence[T]{recorder: r}
}

// Run gives the queue the operations of f. f must do nothing else, since it is
// not called for every run and may be called twice for one. key is comparable
// and stands for everything that decides about the operations and their
// arguments: a run with another key than the last one begins anew. Matrices
// from outside of f must live as long as runs with this key go on; those that f
// allocates are freed before f returns.
func (s *Sequence[T]) Run(key any, f func()) {
	if s.recorder == nil {
		f()
		return
	}
	if key != s.key {
		if s.recording != nil {
			s.recording.Close()
		}
		s.key, s.recording, s.refused = key, nil, false
		f()
		return
	}
	if s.recording == nil && !s.refused {
		s.recording = s.recorder.TryRecord(f)
		s.refused = s.recording == nil
	}
	if s.recording == nil {
		f()
		return
	}
	s.recording.Play()
}
