package job

import "strings"

// schedule decides which task runs next, and on which worker. It is used by
// one goroutine.
type schedule struct {
	entries []*entry // in the order of Select
	byName  map[string]*entry
	seats   []*seat
	first   int // entries before this one are done
	running int
}

// entry is a task on its way.
type entry struct {
	task    Task
	number  int // counted from 1
	stage   stage
	outcome Outcome  // when done
	seat    *seat    // of the last try
	deaths  []string // the workers that died on it
	alone   bool     // tried again, with no other task beside it
}

type stage int

const (
	waiting stage = iota
	running
	done
)

// seat is the place of a worker.
type seat struct {
	Worker
	busy   bool
	victim *entry // the last task it died on, nil after one that went well
	gone   string // why it is not used any more, "" while it is
}

func newSchedule(tasks []Task, workers []Worker) *schedule {
	s := &schedule{byName: map[string]*entry{}}
	for i, t := range tasks {
		e := &entry{task: t, number: i + 1}
		s.entries = append(s.entries, e)
		s.byName[t.Name] = e
	}
	for _, w := range workers {
		s.seats = append(s.seats, &seat{Worker: w})
	}
	return s
}

// next returns the first task that can start now, with its worker; or one that
// can never start, with no worker and the reason; or nothing while that takes
// the end of a running task.
func (s *schedule) next() (e *entry, w *seat, refusal string) {
	live, idle := s.live()
	if len(idle) == 0 && len(live) > 0 {
		return nil, nil, ""
	}
	for s.first < len(s.entries) && s.entries[s.first].stage == done {
		s.first++
	}
	var lone *entry
	for _, e := range s.entries[s.first:] {
		if e.stage != waiting {
			continue
		}
		ready, failed := s.needs(e)
		switch {
		case failed != "":
			return e, nil, "the task " + failed + ", which it needs, failed"
		case !ready:
		case len(live) == 0:
			return e, nil, s.reasons()
		case e.alone && lone == nil:
			lone = e
		case e.alone:
		default:
			if w := e.place(live, idle); w != nil {
				return e, w, ""
			}
		}
	}
	// While it runs alone nothing else can become ready but what needs it.
	if lone != nil && s.running == 0 {
		return lone, live[0], "" // the one with most memory
	}
	return nil, nil, ""
}

// live returns the workers that are used, and those of them that are idle.
func (s *schedule) live() (live, idle []*seat) {
	for _, w := range s.seats {
		if w.gone != "" {
			continue
		}
		live = append(live, w)
		if !w.busy {
			idle = append(idle, w)
		}
	}
	return live, idle
}

// needs reports whether all that e needs is done, and what of it failed.
func (s *schedule) needs(e *entry) (ready bool, failed string) {
	ready = true
	for _, n := range e.task.Needs {
		switch need := s.byName[n]; {
		case need.stage != done:
			ready = false
		case !need.outcome.OK():
			return false, n
		}
	}
	return ready, ""
}

// place returns an idle worker for e, nil if e waits for a better one: a task
// is not tried again where it failed, unless there is nothing else.
func (e *entry) place(live, idle []*seat) *seat {
	for _, w := range idle {
		if w != e.seat || len(live) == 1 {
			return w
		}
	}
	return nil
}

func (s *schedule) start(e *entry, w *seat) {
	e.stage, e.seat = running, w
	w.busy = true
	s.running++
}

// finish frees the worker of e and reports whether e is to be tried again.
func (s *schedule) finish(e *entry, fate Fate, message string) (again bool) {
	w := e.seat
	e.stage, w.busy = waiting, false
	s.running--
	if fate != Died {
		w.victim = nil
	}
	switch fate {
	case Died:
		// One task can kill any worker; two in a row speak against this one.
		if w.victim != nil && w.victim != e {
			w.gone = message
		}
		w.victim = e
		e.deaths = append(e.deaths, w.Name)
		return len(e.deaths) == 1
	case NoMemory:
		// Alone with the most memory it may fit.
		live, _ := s.live()
		again = !e.alone && len(live) > 1
		e.alone = true
		return again
	}
	return false
}

// tell completes the outcome of a task that was tried twice in vain.
func (e *entry) tell(out Outcome) Outcome {
	if len(e.deaths) == 2 {
		out.Message += " (it was tried on " + e.deaths[0] + " and on " + e.deaths[1] + ")"
	}
	return out
}

func (s *schedule) settle(e *entry, out Outcome, end func(Outcome)) {
	e.stage, e.outcome = done, out
	end(out)
}

// reasons says why no worker is left.
func (s *schedule) reasons() string {
	var list []string
	for _, w := range s.seats {
		list = append(list, w.Name+": "+w.gone)
	}
	return "no GPU is left; " + strings.Join(list, "; ")
}

// outcomes returns those of the tasks that are done, and the name of the first
// that is not.
func (s *schedule) outcomes() (list []Outcome, waits string) {
	for _, e := range s.entries {
		switch {
		case e.stage == done:
			list = append(list, e.outcome)
		case waits == "":
			waits = e.task.Name
		}
	}
	return list, waits
}
