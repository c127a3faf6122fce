//go:build cgo && linux && !nocuda

#include <stdlib.h>
#include <string.h>
#include "rz.h"

/* NVRTC needs neither GPU nor context. */
#define CALL(name, ...)                                                        \
	do {                                                                       \
		int code = api->name(__VA_ARGS__);                                     \
		if (code)                                                              \
			return (rz_status){ RZ_NVRTC, code, #name };                    \
	} while (0)

rz_status rz_nvrtc_version(const rz_api *api, int *major, int *minor)
{
	CALL(nvrtcVersion, major, minor);
	return (rz_status){ 0 };
}

/* Whether NVRTC compiles for compute capability arch (major*10 + minor). */
rz_status rz_nvrtc_supports(const rz_api *api, int arch, int *supported)
{
	int count, archs[256];
	*supported = 0;
	CALL(nvrtcGetNumSupportedArchs, &count);
	if (count > 256)
		return (rz_status){ RZ_NVRTC, RZ_MISSING, "nvrtcGetSupportedArchs" };
	CALL(nvrtcGetSupportedArchs, archs);
	for (int i = 0; i < count; i++)
		*supported |= archs[i] == arch;
	return (rz_status){ 0 };
}

static rz_status compile(const rz_api *api, void *program, const char *const *options, int n,
	void **image, size_t *bytes)
{
	CALL(nvrtcCompileProgram, program, n, options);
	CALL(nvrtcGetCUBINSize, program, bytes);
	*image = malloc(*bytes);
	if (!*image)
		return (rz_status){ RZ_NVRTC, RZ_NO_HOST_MEMORY, "nvrtcGetCUBIN" };
	CALL(nvrtcGetCUBIN, program, *image);
	return (rz_status){ 0 };
}

/* Compiles a source that includes one header to machine code, which the caller
 * frees whatever is returned. log takes what the compiler says. */
rz_status rz_nvrtc_compile(const rz_api *api, const char *source, const char *name,
	const char *header, const char *header_name, const char *const *options, int n,
	void **image, size_t *bytes, char *log, size_t size)
{
	void *program;
	size_t said;
	*image = NULL;
	log[0] = 0;
	CALL(nvrtcCreateProgram, &program, source, name, 1, &header, &header_name);
	rz_status s = compile(api, program, options, n, image, bytes);
	if (s.library && !api->nvrtcGetProgramLogSize(program, &said)) {
		char *all = malloc(said + 1);
		if (all && !api->nvrtcGetProgramLog(program, all)) {
			all[said] = 0;
			strncat(log, all, size - 1);
		}
		free(all);
	}
	api->nvrtcDestroyProgram(&program);
	return s;
}
