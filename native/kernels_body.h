/* The kernels, for one element type and one instruction level. The file that
 * includes this one defines
 *   REAL     float or double
 *   INT      the signed integer of the same size
 *   NAME(f)  the function's full name
 *   VBYTES   bytes of a vector register
 *   DOUBLE   1 for double, 0 for float
 * Vectors are those of the compiler's extension, so that the operations are
 * the ones written here and not what an optimiser finds. */

#include "vector_body.h"
#include "exp_body.h"
#include "softmin_body.h"
#include "transport_body.h"
#include "narrow_body.h"
#include "plan_body.h"
#include "certify_body.h"
#include "cloud_body.h"
#include "products_body.h"
#include "tall_body.h"
#include "skinny_body.h"
#include "packed_body.h"
#include "band_body.h"
#include "secular_body.h"
#include "sweep_body.h"
#include "jacobi_body.h"
#include "eigh_body.h"
#include "step_body.h"
#include "tangent_body.h"

#undef vec
#undef uvec
#undef ivec
#undef LANES
#undef set
#undef load
#undef store
#undef select
#undef vexp
#undef MAGIC
#undef MANTISSA
#undef BIAS
#undef LN2_HI
#undef LN2_LO
#undef EXP_MIN
#undef EXP_MAX
#undef TANH_MAX
#undef PER_LINE
