# freshet_module(NAME DEPS lib... [WITHOUT folder...]): one folder, one library `freshet_NAME`, from its *.cc files, but
# for those of the folders WITHOUT, which have their own CMakeLists.
#   *_test.cc  go into the test binary NAME_test (GoogleTest, registered with ctest)
#   *_fuzz.cc  become one libFuzzer binary each, in the fuzz preset
#   main.cc    is left to the folder's own CMakeLists
# Beside it `freshet_NAME_mutable`, the same code with FRESHET_MUTANTS (src/base/mutant.h): the simulator's, built only
# for it.
set(FRESHET_WARNINGS -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)

add_library(freshet_options INTERFACE)
target_compile_options(freshet_options INTERFACE ${FRESHET_WARNINGS})
target_include_directories(freshet_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(freshet_options INTERFACE Threads::Threads)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports false positives of these two inside inlined standard library code at -O2.
  target_compile_options(freshet_options INTERFACE -Wno-error=restrict -Wno-error=maybe-uninitialized)
  # It may use more memory (a quarter more in a batch) before it looks for what it can let go: a tenth of its time.
  add_compile_options(--param=ggc-min-expand=400 --param=ggc-min-heapsize=1048576)
  if(FRESHET_BATCH GREATER 1)
    # It takes what a batch includes for headers, in which a type of an unnamed namespace would differ from file to
    # file.
    target_compile_options(freshet_options INTERFACE -Wno-subobject-linkage)
  endif()
else()
  # The parts of GCC's standard library that std::stable_sort and others use inside themselves are deprecated, and clang
  # tells us of them.
  target_compile_options(freshet_options INTERFACE -Wno-error=deprecated-declarations)
endif()
if(FRESHET_SANITIZE)
  add_compile_options(-fsanitize=${FRESHET_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${FRESHET_SANITIZE})
endif()
if(FRESHET_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
# Neither has to be there; looked for anew each time, because an old answer breaks the build where one was removed.
unset(FRESHET_MOLD CACHE)
unset(FRESHET_CCACHE CACHE)
find_program(FRESHET_MOLD mold)
find_program(FRESHET_CCACHE ccache)
if(FRESHET_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${FRESHET_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${FRESHET_CCACHE})
endif()
if(FRESHET_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# What the sanitizer and fuzz presets build: nothing but this and what it needs.
add_custom_target(unit_tests)
add_custom_target(fuzzers)

# Under ThreadSanitizer only the tests of modules with threads are built: the others have nothing to show there. Not
# that of eventlog/kafka: librdkafka makes its threads by thrd_create, which ThreadSanitizer doesn't see, and dies of
# it.
set(FRESHET_MODULES_WITH_THREADS telemetry kv http objectstore schema eventlog docstore ingest reaction sinks console app
    testing)

# A test's own code is compiled quickly, not to be quick: http_test and model_test under AddressSanitizer take a third
# of the time to compile. What is tested keeps its optimization; the coverage that fuzzing needs is of no use in a test.
set(FRESHET_TEST_OPTIONS -O0)
if(FRESHET_FUZZ)
  list(APPEND FRESHET_TEST_OPTIONS -fno-sanitize=fuzzer-no-link)
endif()

# Where a test finds the project's files (src/testing/project_path.h). In a library of its own, so that no other file's
# compilation depends on where the project is: ccache finds it in another checkout.
configure_file(${CMAKE_CURRENT_LIST_DIR}/project_path.cc.in ${CMAKE_BINARY_DIR}/project_path.cc @ONLY)
add_library(freshet_project_path STATIC ${CMAKE_BINARY_DIR}/project_path.cc)
target_link_libraries(freshet_project_path PUBLIC freshet_options)

# What the binary says of itself (src/base/version.h).
add_custom_target(freshet_version_source
  COMMAND ${CMAKE_COMMAND} -DVERSION=${PROJECT_VERSION} -DSOURCE_DIR=${CMAKE_SOURCE_DIR} -DFRESHET_COMMIT=${FRESHET_COMMIT}
          -DOUTPUT=${CMAKE_BINARY_DIR}/version.cc -P ${CMAKE_CURRENT_LIST_DIR}/version.cmake
  BYPRODUCTS ${CMAKE_BINARY_DIR}/version.cc VERBATIM)
add_library(freshet_version STATIC ${CMAKE_BINARY_DIR}/version.cc)
add_dependencies(freshet_version freshet_version_source)
target_link_libraries(freshet_version PUBLIC freshet_options)

# What takes seconds to parse: files that include it stand side by side, so that few batches pay for it; and last, so
# that no file of others finds the names that such a header brings along.
set(FRESHET_HEAVY_HEADERS simdjson.h valijson/ boost/ CLI/CLI.hpp)

function(freshet_heavy_last OUT SOURCES)
  set(heavy "")
  foreach(header ${FRESHET_HEAVY_HEADERS})
    foreach(source ${SOURCES})
      file(STRINGS ${source} found REGEX "^#include [<\"]${header}" LIMIT_COUNT 1)
      if(found)
        list(APPEND heavy ${source})
      endif()
    endforeach()
  endforeach()
  list(REMOVE_DUPLICATES heavy)
  if(heavy)
    list(REMOVE_ITEM SOURCES ${heavy})
  endif()
  set(${OUT} ${SOURCES} ${heavy} PARENT_SCOPE)
endfunction()

# Up to FRESHET_BATCH source files of a library or test are compiled as one (docs/decisions/0018-compiling.md): a list
# of includes, which name the files from the folder BASE, where their own includes begin, so that ccache finds them
# again in another checkout (CMake's unity build names them by absolute paths). As few batches as there can be, and all
# of them of the same length, because what they cost first, the headers, each of them pays. Sets OUT to the files to
# compile instead of SOURCES; a generated one stays by itself. Twice as many files in each if TWICE is given.
function(freshet_batches OUT NAME BASE SOURCES)
  if(NOT SOURCES OR NOT FRESHET_BATCH GREATER 1)
    set(${OUT} ${SOURCES} PARENT_SCOPE)
    return()
  endif()
  freshet_heavy_last(SOURCES "${SOURCES}")
  list(LENGTH SOURCES length)
  set(most ${FRESHET_BATCH})
  if("TWICE" IN_LIST ARGN)
    math(EXPR most "2 * ${FRESHET_BATCH}")
  endif()
  math(EXPR batches "(${length} + ${most} - 1) / ${most}")
  set(files "")
  set(count 0)
  foreach(source ${SOURCES})
    math(EXPR batch "${count} * ${batches} / ${length}")
    math(EXPR count "${count} + 1")
    file(RELATIVE_PATH name ${BASE} ${source})
    string(APPEND text_${batch} "#include \"${name}\"\n")
  endforeach()
  foreach(batch RANGE ${batch})
    set(file ${CMAKE_CURRENT_BINARY_DIR}/batch/${NAME}_${batch}.cc)
    file(CONFIGURE OUTPUT ${file} CONTENT "${text_${batch}}" @ONLY)
    list(APPEND files ${file})
  endforeach()
  set(${OUT} ${files} PARENT_SCOPE)
endfunction()

# What serves people, and what speaks to other programs in blocks of many records, is compiled to be built soon: it
# takes a quarter less of the compiler's time. What the pipeline does to each record is compiled to be quick.
set(FRESHET_MODULES_SOON_BUILT app console fleet yaml objectstore rdkafka cluster sinks mirror capture)

# The modules with planted faults, and those above them that the simulator runs.
set(FRESHET_MUTABLE_MODULES model schema eventlog state docstore ingest action reaction sinks mirror capture)

function(freshet_mutable_module NAME SOURCES DEPS)
  if(NOT NAME IN_LIST FRESHET_MUTABLE_MODULES)
    return()
  endif()
  set(deps "")
  foreach(dep ${DEPS})
    if(TARGET ${dep}_mutable)
      set(dep ${dep}_mutable)
    endif()
    list(APPEND deps ${dep})
  endforeach()
  add_library(freshet_${NAME}_mutable STATIC EXCLUDE_FROM_ALL ${SOURCES})
  target_compile_definitions(freshet_${NAME}_mutable PUBLIC FRESHET_MUTANTS)
  target_link_libraries(freshet_${NAME}_mutable PUBLIC freshet_options ${deps})
endfunction()

function(freshet_module NAME)
  cmake_parse_arguments(ARG "" "" "DEPS;TEST_DEPS;WITHOUT" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  foreach(folder ${ARG_WITHOUT})
    list(FILTER sources EXCLUDE REGEX "^${CMAKE_CURRENT_SOURCE_DIR}/${folder}/")
  endforeach()
  set(tests ${sources})
  set(fuzzers ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|_fuzz|/main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")
  string(FIND ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/src/ place)
  if(place EQUAL 0)
    set(size "")
    if(NAME IN_LIST FRESHET_MODULES_SOON_BUILT)
      set(size TWICE)
    endif()
    freshet_batches(sources ${NAME} ${CMAKE_SOURCE_DIR}/src "${sources}" ${size})
    freshet_batches(tests ${NAME}_test ${CMAKE_SOURCE_DIR}/src "${tests}")
  endif()
  if(sources)
    add_library(freshet_${NAME} STATIC ${sources})
    target_link_libraries(freshet_${NAME} PUBLIC freshet_options ${ARG_DEPS})
    if(NAME IN_LIST FRESHET_MODULES_SOON_BUILT AND NOT FRESHET_SANITIZE)
      target_compile_options(freshet_${NAME} PRIVATE -O1)
    endif()
  else()
    add_library(freshet_${NAME} INTERFACE)
    target_link_libraries(freshet_${NAME} INTERFACE freshet_options ${ARG_DEPS})
  endif()
  freshet_mutable_module(${NAME} "${sources}" "${ARG_DEPS}")
  if(FRESHET_SANITIZE STREQUAL "thread" AND NOT NAME IN_LIST FRESHET_MODULES_WITH_THREADS)
    set(tests "")
  endif()
  if(tests)
    add_executable(${NAME}_test ${tests})
    target_link_libraries(${NAME}_test PRIVATE freshet_${NAME} freshet_project_path GTest::gmock GTest::gtest_main ${RAPIDCHECK}
                          ${ARG_TEST_DEPS})
    target_compile_options(${NAME}_test PRIVATE ${FRESHET_TEST_OPTIONS})
    add_test(NAME ${NAME} COMMAND ${NAME}_test)
    add_dependencies(unit_tests ${NAME}_test)
  endif()
  if(FRESHET_FUZZ)
    foreach(fuzzer ${fuzzers})
      get_filename_component(name ${fuzzer} NAME_WE)
      add_executable(${name} ${fuzzer})
      target_link_libraries(${name} PRIVATE freshet_${NAME} freshet_project_path ${ARG_TEST_DEPS} -fsanitize=fuzzer)
      add_dependencies(fuzzers ${name})
    endforeach()
  endif()
endfunction()
