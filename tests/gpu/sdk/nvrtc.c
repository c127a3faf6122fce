/* Compiles a kernel module as package cusolver does, by its own code, with the
 * NVRTC that is named: nvrtc LIBNVRTC ARCH SOURCE HEADER CUBIN. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../../cusolver/rz.h"

static char *text(const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t n = 0;
	char *s = malloc(1 << 20);
	if (f && s)
		n = fread(s, 1, (1 << 20) - 1, f);
	if (!f || !s || !n) {
		fprintf(stderr, "%s cannot be read\n", path);
		exit(1);
	}
	fclose(f);
	s[n] = 0;
	return s;
}

int main(int argc, char **argv)
{
	static rz_api api;
	static char log[1 << 16];
	char why[1024], builtins[4096], arch[64];
	if (argc != 6)
		return 2;
	void *library = rz_load(argv[1], 0, why, sizeof why);
	if (!library) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	const char *missing = rz_bind(&api, RZ_NVRTC, library);
	int major, minor;
	if (missing || rz_nvrtc_version(&api, &major, &minor).library) {
		fprintf(stderr, "%s: %s is missing or fails\n", argv[1], missing ? missing : "nvrtcVersion");
		return 1;
	}
	rz_origin(library, builtins, sizeof builtins - 64);
	sprintf(strrchr(builtins, '/'), "/libnvrtc-builtins.so.%d.%d", major, minor);
	rz_load(builtins, 0, why, sizeof why);

	snprintf(arch, sizeof arch, "--gpu-architecture=%s", argv[2]);
	const char *options[] = { arch, "--std=c++17", "-default-device" };
	void *image;
	size_t bytes;
	rz_status s = rz_nvrtc_compile(&api, text(argv[3]), argv[3], text(argv[4]), "rt.h", options, 3, &image, &bytes, log, sizeof log);
	if (s.library) {
		fprintf(stderr, "%s: %s returns %d\n%s\n", argv[3], s.call, s.code, log);
		return 1;
	}
	FILE *f = fopen(argv[5], "wb");
	if (!f || fwrite(image, 1, bytes, f) != bytes || fclose(f)) {
		fprintf(stderr, "%s cannot be written\n", argv[5]);
		return 1;
	}
	return 0;
}
