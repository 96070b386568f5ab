#include "app/command_line.h"
#include "app/open_files.h"

// Read by jemalloc: what is free goes back to the system soon, so that the memory of the process follows its budgets.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:3000,muzzy_decay_ms:0";
}

int main(int argc, char** argv) {
  freshet::app::hold_standard_files();
  return freshet::app::run_command_line(argc, argv);
}
