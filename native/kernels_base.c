#define LEVEL base
#define VBYTES 16
#include "both_types.h"
