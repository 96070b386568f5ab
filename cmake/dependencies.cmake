# Every third-party library in one place; why each is here: docs/decisions/0001-dependencies.md.
# They are imported as SYSTEM, so that our warnings are about our code only.
find_package(Threads REQUIRED)
set(Protobuf_USE_STATIC_LIBS ON)  # a tenth of action's time: its calls are many and short
find_package(Protobuf REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(RocksDB REQUIRED)
find_package(Boost 1.74 REQUIRED)
find_package(simdjson REQUIRED)
# Our code uses its parser as it is on every x86-64; which instructions the library itself takes it decides when it
# runs. So its header needs not have what is for newer processors, a third of it.
set_property(TARGET simdjson::simdjson APPEND PROPERTY INTERFACE_COMPILE_DEFINITIONS
             SIMDJSON_IMPLEMENTATION_ICELAKE=0 SIMDJSON_IMPLEMENTATION_HASWELL=0 SIMDJSON_IMPLEMENTATION_WESTMERE=0)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CURL REQUIRED)
find_package(pugixml REQUIRED)
find_package(tl-expected REQUIRED)
find_package(absl REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS core)
find_package(PkgConfig REQUIRED)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
execute_process(COMMAND ${CMAKE_SOURCE_DIR}/tools/librdkafka OUTPUT_VARIABLE librdkafka_built OUTPUT_STRIP_TRAILING_WHITESPACE
                COMMAND_ERROR_IS_FATAL ANY)
if(librdkafka_built)
  set(ENV{PKG_CONFIG_PATH} "${librdkafka_built}:$ENV{PKG_CONFIG_PATH}")
endif()
execute_process(COMMAND ${CMAKE_SOURCE_DIR}/tools/uplot OUTPUT_VARIABLE UPLOT_PREFIX OUTPUT_STRIP_TRAILING_WHITESPACE
                COMMAND_ERROR_IS_FATAL ANY)
pkg_check_modules(LIBRDKAFKA REQUIRED IMPORTED_TARGET rdkafka>=2.13.2)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
find_library(SNAPPY snappy REQUIRED)
pkg_check_modules(PQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(MONGOC REQUIRED IMPORTED_TARGET libmongoc-1.0)
if(FRESHET_SANITIZE)
  add_library(PkgConfig::JEMALLOC INTERFACE IMPORTED)  # nothing: sanitizers bring their own allocator
else()
  pkg_check_modules(JEMALLOC REQUIRED IMPORTED_TARGET jemalloc)
endif()
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_library(RAPIDCHECK rapidcheck REQUIRED)
