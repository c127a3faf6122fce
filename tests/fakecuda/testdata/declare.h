/* Declares everything that the package cusolver calls, as it declares it: a
 * stand-in that is included afterwards does not compile if it differs. */
#include "abi.h"

#define DECLARE(library, need, result, name, arguments) extern "C" result name arguments;
RZ_FUNCTIONS(DECLARE)
