//go:build cgo && linux && !nocuda

package cusolver

import (
	"strings"
	"testing"
)

// Every code that a user can do something about is explained, and what breaks
// the context has a name.
func TestTableOfErrors(t *testing.T) {
	for code := range 1000 {
		if loses(code) && (cudaErrors[code].name == "" || badImage(code)) {
			t.Errorf("code %d: %+v", code, cudaErrors[code])
		}
	}
	for code, e := range cudaErrors {
		if !strings.HasPrefix(e.name, "CUDA_ERROR_") {
			t.Errorf("code %d is called %q", code, e.name)
		}
	}
	for _, code := range []int{2, 3, 34, 36, 46, 100, 101, 200, 209, 218, 221, 222, 802, 803, 804, 999} {
		if cudaErrors[code].meaning == "" {
			t.Errorf("code %d is not explained", code)
		}
	}
}

func TestErrorText(t *testing.T) {
	for _, c := range []struct {
		err  Error
		want string
	}{
		{Error{"CUDA", "cuInit", 222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the driver is too old"},
			"cuInit: CUDA error 222 (CUDA_ERROR_UNSUPPORTED_PTX_VERSION): the driver is too old"},
		{Error{"cuBLAS", "cublasSgemm_v2", 77, "", ""}, "cublasSgemm_v2: cuBLAS error 77"},
		{Error{"cuBLAS", "cublasSgemm_v2_64", -1, "", ""}, "cublasSgemm_v2_64: this version of cuBLAS has no such function"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
