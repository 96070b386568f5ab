# Writes OUTPUT, the source of base/version.h, from VERSION (SemVer, of the project) and the commit that SOURCE_DIR is
# at. Run at each build; the file is touched only if what it says has changed, so that a build without a new commit
# compiles nothing.
set(commit "${FRESHET_COMMIT}")
if(NOT commit)
  execute_process(COMMAND git -C ${SOURCE_DIR} describe --always --dirty --abbrev=12 --exclude * OUTPUT_VARIABLE commit
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT commit)
  set(commit "unknown")
endif()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT [[#include "base/version.h"

namespace freshet {

std::string_view version() { return "@VERSION@"; }
std::string_view commit() { return "@commit@"; }

}  // namespace freshet
]])
