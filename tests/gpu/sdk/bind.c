/* Loads CUDA libraries as package cusolver does, by its own code, and prints
 * their versions: bind LIBRARY… in the order of their needs. It needs no GPU. */
#include <stdio.h>
#include <string.h>
#include "../../../cusolver/rz.h"

int main(int argc, char **argv)
{
	static rz_api api;
	for (int i = 1; i < argc; i++) {
		char why[1024];
		void *handle = rz_load(argv[i], 0, why, sizeof why);
		if (!handle) {
			fprintf(stderr, "%s\n", why);
			return 1;
		}
		const char *file = strrchr(argv[i], '/');
		int library = strstr(file, "cublasLt") ? RZ_LT : strstr(file, "cublas") ? RZ_BLAS : strstr(file, "cusolver") ? RZ_SOLVER : 0;
		const char *missing = library ? rz_bind(&api, library, handle) : NULL;
		if (missing) {
			fprintf(stderr, "%s lacks %s\n", argv[i], missing);
			return 1;
		}
	}
	int blas[3], lt, solver;
	rz_versions(&api, blas, &lt, &solver);
	printf("cuBLAS %d.%d.%d, cuBLASLt %d, cuSOLVER %d\n", blas[0], blas[1], blas[2], lt, solver);
	return 0;
}
