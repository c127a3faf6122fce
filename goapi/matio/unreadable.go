package matio

import "fmt"

// unreadable is an array of a kind that Ritz does not compute with. It stands
// in the list of its file all the same, so that the others can be read.
type unreadable struct{ path, name, problem string }

func (u unreadable) Error() string {
	if u.name == "" {
		return u.problem
	}
	return fmt.Sprintf("array %q %s", u.name, u.problem)
}

func (u unreadable) read64() ([]float64, error) { return nil, malformed(u.path, "%v", u) }
func (u unreadable) read32() ([]float32, error) { return nil, malformed(u.path, "%v", u) }

func (f *File) addUnreadable(name string, shape []int, d DType, problem string) {
	f.Members = append(f.Members, Member{name, shape, d})
	f.arrays = append(f.arrays, unreadable{f.Path, name, problem})
}

// refusal says what is wrong with a type of NumPy and what to do about it.
func refusal(d DType) string {
	kind := byte(' ')
	if d != "" {
		kind = d[0]
	}
	switch kind {
	case 'c':
		return "holds complex numbers, which are not supported; write real and imaginary parts as arrays of their own"
	case 'U', 'S', 'a':
		return "holds text, not numbers"
	case 'M', 'm':
		return "holds dates; write numbers, as by astype(float)"
	case 'O':
		return "holds Python objects; write numbers, as by astype(float)"
	case 'V', ' ':
		return "holds records; write an array for each of their fields"
	}
	return fmt.Sprintf("holds numbers of type %q, which are not supported; those of up to 64 bits are", string(d))
}
