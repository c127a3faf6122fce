//go:build cgo && linux && !nocuda

package cusolver

import (
	"fmt"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// library is the part of NVML that detection needs.
type library interface {
	Init() nvml.Return
	Shutdown() nvml.Return
	SystemGetDriverVersion() (string, nvml.Return)
	SystemGetCudaDriverVersion() (int, nvml.Return)
	DeviceGetCount() (int, nvml.Return)
	DeviceGetHandleByIndex(int) (nvml.Device, nvml.Return)
}

// probe asks NVML. A container may have CUDA without NVML: then CUDA alone
// tells what there is.
func probe(o Options) (Machine, error) {
	around := ownSurroundings()
	named := namedFolders(o, around)
	m, err := probeNVML(named, around)
	if err == nil {
		return m, nil
	}
	l, cudaErr := openDriver(named, around)
	if cudaErr != nil {
		return m, unavailable("%s; %s", reason(cudaErr), reason(err))
	}
	list, cudaErr := l.list()
	if cudaErr != nil {
		return m, unavailable("%s; %s", reason(cudaErr), reason(err))
	}
	return reconcile(Machine{CUDA: l.driverVersion()}, list), nil
}

// probeNVML asks the first NVML that there is.
func probeNVML(named []string, around surroundings) (Machine, error) {
	const file = "libnvidia-ml.so.1"
	path := file
	for _, p := range driverPaths(file, named, around) {
		if _, err := load(p, false); err == nil {
			path = p
			break
		}
	}
	return probeWith(nvml.New(nvml.WithLibraryPath(path)), visibilityFromEnv())
}

func probeWith(lib library, v visibility) (Machine, error) {
	// A failed Init can leave the library open, so Shutdown always follows;
	// no other call may be made before Init has succeeded.
	defer lib.Shutdown()
	if ret := lib.Init(); ret != nvml.SUCCESS {
		return Machine{}, unavailable("%s", explain(ret))
	}
	var m Machine
	if s, ret := lib.SystemGetDriverVersion(); ret == nvml.SUCCESS {
		m.Driver = s
	}
	if n, ret := lib.SystemGetCudaDriverVersion(); ret == nvml.SUCCESS {
		m.CUDA = fmt.Sprintf("%d.%d", n/1000, n%1000/10)
	}
	count, ret := lib.DeviceGetCount()
	if ret != nvml.SUCCESS {
		return m, unavailable("counting GPUs: %s", explain(ret))
	}
	for i := range count {
		handle, ret := lib.DeviceGetHandleByIndex(i)
		if ret != nvml.SUCCESS {
			m.GPUs = append(m.GPUs, GPU{Index: i, Ordinal: -1, Name: "GPU", Reason: explain(ret)})
			continue
		}
		m.GPUs = append(m.GPUs, describe(handle, i)...)
	}
	v.apply(m.GPUs)
	if len(m.GPUs) == 0 {
		return m, unavailable("the driver is there but no GPU is; a container needs one assigned to it")
	}
	return m, nil
}

// describe returns a GPU, followed by its MIG instances if it is split. A
// field that NVML will not tell stays zero: it does not make a GPU unusable.
func describe(d nvml.Device, index int) []GPU {
	g := GPU{Index: index}
	var ret nvml.Return
	if g.UUID, ret = d.GetUUID(); ret != nvml.SUCCESS {
		g.Reason = explain(ret)
	}
	g.Name, _ = d.GetName()
	if major, minor, ret := d.GetCudaComputeCapability(); ret == nvml.SUCCESS {
		g.Capability = major*10 + minor
	}
	if pci, ret := d.GetPciInfo(); ret == nvml.SUCCESS {
		g.Bus = busID(pci)
	}
	setMemory(&g, d)
	mode, ret := d.GetComputeMode()
	if r := unfit(g.Capability, ret == nvml.SUCCESS && mode == nvml.COMPUTEMODE_PROHIBITED); r != "" {
		g.Reason = r
	}
	if current, _, ret := d.GetMigMode(); ret != nvml.SUCCESS || current != nvml.DEVICE_MIG_ENABLE {
		return []GPU{g}
	}
	parent := g
	g.Reason = migParent
	gpus := []GPU{g}
	n, ret := d.GetMaxMigDeviceCount()
	if ret != nvml.SUCCESS {
		return gpus
	}
	for i := range n {
		instance, ret := d.GetMigDeviceHandleByIndex(i)
		if ret != nvml.SUCCESS { // instances need not be numbered without holes
			continue
		}
		m := parent
		m.Parent = parent.UUID
		if m.UUID, ret = instance.GetUUID(); ret != nvml.SUCCESS {
			continue
		}
		if name, ret := instance.GetName(); ret == nvml.SUCCESS {
			m.Name = name
		}
		setMemory(&m, instance)
		gpus = append(gpus, m)
	}
	return gpus
}

func busID(p nvml.PciInfo) string {
	var b strings.Builder
	for _, c := range p.BusId {
		if c == 0 {
			break
		}
		b.WriteByte(byte(c))
	}
	return b.String()
}

func setMemory(g *GPU, d nvml.Device) {
	if mem, ret := d.GetMemoryInfo(); ret == nvml.SUCCESS {
		g.TotalMemory, g.FreeMemory = mem.Total, mem.Free
	}
}

// explain says what an NVML code means for the person who runs a program.
func explain(ret nvml.Return) string {
	if ret == nvml.ERROR_LIBRARY_NOT_FOUND {
		return "libnvidia-ml.so.1 not found (a container gets it with the capability \"utility\")"
	}
	if meaning := nvmlErrors[ret]; meaning != "" {
		return fmt.Sprintf("%s (NVML error %d)", meaning, int(ret))
	}
	return fmt.Sprintf("NVML reports error %d", int(ret))
}

var nvmlErrors = map[nvml.Return]string{
	nvml.ERROR_DRIVER_NOT_LOADED:       "the NVIDIA driver is installed but not loaded",
	nvml.ERROR_LIB_RM_VERSION_MISMATCH: "the NVIDIA driver was upgraded while loaded; restart the node",
	nvml.ERROR_NO_PERMISSION:           "no permission to use it (device files, container or cgroup)",
	nvml.ERROR_GPU_IS_LOST:             "the GPU has fallen off the bus; restart the node",
	nvml.ERROR_RESET_REQUIRED:          "the GPU must be reset",
	nvml.ERROR_UNKNOWN:                 "NVML does not say why; in a container this often means that it lost access to the GPU and must be started anew",
}
