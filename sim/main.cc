#include "command.h"

int main(int argc, char** argv) { return freshet::sim::run_command(argc, argv); }
