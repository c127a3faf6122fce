#ifdef __x86_64__
#pragma GCC target("arch=x86-64-v3")
#define LEVEL v3
#define VBYTES 32
#include "both_types.h"
#endif
