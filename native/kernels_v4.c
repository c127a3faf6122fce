#ifdef __x86_64__
#pragma GCC target("arch=x86-64-v4", "prefer-vector-width=512")
#define LEVEL v4
#define VBYTES 64
#include "both_types.h"
#endif
