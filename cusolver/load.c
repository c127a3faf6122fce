//go:build cgo && linux && !nocuda

#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include "rz.h"

/* rz_load opens a library, or returns NULL and the reason in why. Symbols stay
 * local: they must not replace those of a CUDA runtime linked into the program. */
void *rz_load(const char *path, int only_if_loaded, char *why, size_t size)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | (only_if_loaded ? RTLD_NOLOAD : 0));
	if (!handle) {
		const char *reason = dlerror();
		snprintf(why, size, "%s", reason ? reason : "not loaded");
	}
	return handle;
}

/* rz_origin stores the path of the file behind a handle. */
void rz_origin(void *handle, char *path, size_t size)
{
	struct link_map *map = NULL;
	path[0] = 0;
	if (!dlinfo(handle, RTLD_DI_LINKMAP, &map) && map)
		snprintf(path, size, "%s", map->l_name);
}

#define REQ 1
#define OPT 0

/* rz_bind sets the functions of one library. It returns the name of a required
 * one that is missing, or NULL. */
const char *rz_bind(rz_api *api, int library, void *handle)
{
#define BIND(lib, need, result, name, arguments)                               \
	if (library == RZ_##lib) {                                                 \
		api->name = (result (*) arguments)dlsym(handle, #name);                \
		if (need && !api->name)                                                \
			return #name;                                                      \
	}
	RZ_FUNCTIONS(BIND)
#undef BIND
	return NULL;
}

/* rz_versions stores cuBLAS's major, minor and patch number, cuBLASLt's version
 * as 120405 and cuSOLVER's as 11601. None of them needs a GPU. */
void rz_versions(const rz_api *api, int *blas, int *lt, int *solver)
{
	for (int i = 0; i < 3; i++)
		if (api->cublasGetProperty(i, &blas[i]))
			blas[i] = 0;
	*lt = (int)api->cublasLtGetVersion();
	if (api->cusolverGetVersion(solver))
		*solver = 0;
}
