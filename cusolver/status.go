//go:build cgo && linux && !nocuda

package cusolver

// #include "rz.h"
import "C"

import (
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
)

// Error is a failed call of the driver or of one of the CUDA libraries.
type Error struct {
	Library string // "CUDA", "cuBLAS", "cuBLASLt", "cuSOLVER", "NVRTC"
	Call    string // function
	Code    int
	Name    string // of the code, "CUDA_ERROR_ILLEGAL_ADDRESS", "" if unknown
	Detail  string // in words for a user, "" if there is nothing to add
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s error %d", e.Call, e.Library, e.Code)
	if e.Code == C.RZ_MISSING {
		s = fmt.Sprintf("%s: this version of %s has no such function", e.Call, e.Library)
	}
	if e.Name != "" {
		s += " (" + e.Name + ")"
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// libraryNames are indexed by the numbers of abi.h.
var libraryNames = [...]string{
	C.RZ_CUDA: "CUDA", C.RZ_BLAS: "cuBLAS", C.RZ_LT: "cuBLASLt", C.RZ_SOLVER: "cuSOLVER", C.RZ_NVRTC: "NVRTC",
}

// failure returns the error that s stands for, nil if all went well.
func failure(s C.rz_status) error {
	if s.library == 0 {
		return nil
	}
	e := &Error{Library: libraryNames[s.library], Call: C.GoString(s.call), Code: int(s.code)}
	switch s.code {
	case C.RZ_MISSING:
		return e
	case C.RZ_NO_HOST_MEMORY:
		return fmt.Errorf("%s: no host memory: %w", e.Call, device.ErrOutOfMemory)
	}
	switch s.library {
	case C.RZ_CUDA:
		e.Name, e.Detail = cudaErrors[e.Code].name, cudaErrors[e.Code].meaning
	case C.RZ_BLAS, C.RZ_LT:
		e.Name = blasErrors[e.Code]
	case C.RZ_SOLVER:
		e.Name = solverErrors[e.Code]
	case C.RZ_NVRTC:
		e.Name = nvrtcErrors[e.Code]
	}
	return e
}

// outOfMemory reports whether s stands for a lack of device memory.
func outOfMemory(s C.rz_status) bool {
	switch s.library {
	case C.RZ_CUDA, C.RZ_SOLVER:
		return s.code == 2
	case C.RZ_BLAS, C.RZ_LT:
		return s.code == 3
	}
	return false
}

// loses reports whether a code of the driver means that this process cannot
// use the GPU any more: its context is broken.
func loses(code int) bool {
	switch code {
	case 214, 220, 700, 702, 710, 999:
		return true
	}
	return code >= 714 && code <= 719
}

// badImage reports whether a code of the driver means that a compiled kernel
// does not suit this GPU or this driver.
func badImage(code int) bool {
	switch code {
	case 200, 209, 218, 221, 222:
		return true
	}
	return false
}

type cudaError struct{ name, meaning string }

// cudaErrors are the driver's codes. The driver could name them itself, but a
// stub driver, as it is found in build images, names nothing.
var cudaErrors = map[int]cudaError{
	1:   {"CUDA_ERROR_INVALID_VALUE", ""},
	2:   {"CUDA_ERROR_OUT_OF_MEMORY", "no device memory left"},
	3:   {"CUDA_ERROR_NOT_INITIALIZED", "the driver could not be started"},
	4:   {"CUDA_ERROR_DEINITIALIZED", "the program is ending"},
	34:  {"CUDA_ERROR_STUB_LIBRARY", "the libcuda.so.1 that was found is a stub for linking, not the driver; install the NVIDIA driver, and keep folders named stubs out of LD_LIBRARY_PATH"},
	36:  {"CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER", "the NVIDIA driver is too old"},
	46:  {"CUDA_ERROR_DEVICE_UNAVAILABLE", "another process has the GPU for itself (compute mode EXCLUSIVE_PROCESS) or it is not ready"},
	100: {"CUDA_ERROR_NO_DEVICE", "the driver is there but no GPU is; a container or job needs one assigned to it, and CUDA_VISIBLE_DEVICES must show one"},
	101: {"CUDA_ERROR_INVALID_DEVICE", "no GPU has this number"},
	200: {"CUDA_ERROR_INVALID_IMAGE", "a compiled kernel is damaged"},
	201: {"CUDA_ERROR_INVALID_CONTEXT", ""},
	209: {"CUDA_ERROR_NO_BINARY_FOR_GPU", "a kernel was compiled for another GPU"},
	214: {"CUDA_ERROR_ECC_UNCORRECTABLE", "the GPU's memory is damaged; have it checked"},
	218: {"CUDA_ERROR_INVALID_PTX", "the driver cannot compile a kernel"},
	220: {"CUDA_ERROR_NVLINK_UNCORRECTABLE", "the link between GPUs failed"},
	221: {"CUDA_ERROR_JIT_COMPILER_NOT_FOUND", "libnvidia-ptxjitcompiler.so.1, a part of the driver, is missing"},
	222: {"CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the NVIDIA driver is too old for the kernels"},
	301: {"CUDA_ERROR_FILE_NOT_FOUND", ""},
	304: {"CUDA_ERROR_OPERATING_SYSTEM", "the operating system refused; in a container, access to the GPU may be missing"},
	400: {"CUDA_ERROR_INVALID_HANDLE", ""},
	500: {"CUDA_ERROR_NOT_FOUND", ""},
	600: {"CUDA_ERROR_NOT_READY", ""},
	700: {"CUDA_ERROR_ILLEGAL_ADDRESS", "a kernel used memory that is not its own"},
	701: {"CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "a kernel needs more registers or shared memory than the GPU has"},
	702: {"CUDA_ERROR_LAUNCH_TIMEOUT", "a kernel ran longer than this system allows"},
	709: {"CUDA_ERROR_CONTEXT_IS_DESTROYED", ""},
	710: {"CUDA_ERROR_ASSERT", "a check in a kernel failed"},
	714: {"CUDA_ERROR_HARDWARE_STACK_ERROR", ""},
	715: {"CUDA_ERROR_ILLEGAL_INSTRUCTION", ""},
	716: {"CUDA_ERROR_MISALIGNED_ADDRESS", ""},
	717: {"CUDA_ERROR_INVALID_ADDRESS_SPACE", ""},
	718: {"CUDA_ERROR_INVALID_PC", ""},
	719: {"CUDA_ERROR_LAUNCH_FAILED", "a kernel failed"},
	720: {"CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE", ""},
	800: {"CUDA_ERROR_NOT_PERMITTED", ""},
	801: {"CUDA_ERROR_NOT_SUPPORTED", ""},
	802: {"CUDA_ERROR_SYSTEM_NOT_READY", "the system is not ready for CUDA; on machines with NVSwitch the Fabric Manager must run"},
	803: {"CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "the driver in the kernel and libcuda.so.1 are of different versions; restart the node or the container"},
	804: {"CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE", "the CUDA compatibility package does not support this GPU; take its folder out of LD_LIBRARY_PATH"},
	805: {"CUDA_ERROR_MPS_CONNECTION_FAILED", "the MPS server cannot be reached"},
	806: {"CUDA_ERROR_MPS_RPC_FAILURE", "the MPS server failed"},
	807: {"CUDA_ERROR_MPS_SERVER_NOT_READY", "the MPS server is not ready"},
	808: {"CUDA_ERROR_MPS_MAX_CLIENTS_REACHED", "the MPS server has its full number of clients"},
	809: {"CUDA_ERROR_MPS_MAX_CONNECTIONS_REACHED", "the GPU has its full number of MPS connections"},
	810: {"CUDA_ERROR_MPS_CLIENT_TERMINATED", "the MPS server ended this process's access"},
	811: {"CUDA_ERROR_CDP_NOT_SUPPORTED", ""},
	812: {"CUDA_ERROR_CDP_VERSION_MISMATCH", ""},
	999: {"CUDA_ERROR_UNKNOWN", "the driver does not say why; in a container this often means that it lost access to the GPU and must be started anew"},
}

var blasErrors = map[int]string{
	1:  "CUBLAS_STATUS_NOT_INITIALIZED",
	3:  "CUBLAS_STATUS_ALLOC_FAILED",
	7:  "CUBLAS_STATUS_INVALID_VALUE",
	8:  "CUBLAS_STATUS_ARCH_MISMATCH",
	11: "CUBLAS_STATUS_MAPPING_ERROR",
	13: "CUBLAS_STATUS_EXECUTION_FAILED",
	14: "CUBLAS_STATUS_INTERNAL_ERROR",
	15: "CUBLAS_STATUS_NOT_SUPPORTED",
	16: "CUBLAS_STATUS_LICENSE_ERROR",
}

var solverErrors = map[int]string{
	1:  "CUSOLVER_STATUS_NOT_INITIALIZED",
	2:  "CUSOLVER_STATUS_ALLOC_FAILED",
	3:  "CUSOLVER_STATUS_INVALID_VALUE",
	4:  "CUSOLVER_STATUS_ARCH_MISMATCH",
	5:  "CUSOLVER_STATUS_MAPPING_ERROR",
	6:  "CUSOLVER_STATUS_EXECUTION_FAILED",
	7:  "CUSOLVER_STATUS_INTERNAL_ERROR",
	8:  "CUSOLVER_STATUS_MATRIX_TYPE_NOT_SUPPORTED",
	9:  "CUSOLVER_STATUS_NOT_SUPPORTED",
	31: "CUSOLVER_STATUS_INVALID_WORKSPACE",
}

var nvrtcErrors = map[int]string{
	1:  "NVRTC_ERROR_OUT_OF_MEMORY",
	2:  "NVRTC_ERROR_PROGRAM_CREATION_FAILURE",
	3:  "NVRTC_ERROR_INVALID_INPUT",
	4:  "NVRTC_ERROR_INVALID_PROGRAM",
	5:  "NVRTC_ERROR_INVALID_OPTION",
	6:  "NVRTC_ERROR_COMPILATION",
	7:  "NVRTC_ERROR_BUILTIN_OPERATION_FAILURE",
	11: "NVRTC_ERROR_INTERNAL_ERROR",
}
