// The checks of doctor.cc's table; each says what it has found and what to do. Private to the doctor.
#pragma once

#include "app/doctor/doctor.h"

namespace freshet::app {

// Of this machine.
void look_at_configuration(const Subject& subject, Findings& out);
void look_at_data_dir(const Subject& subject, Findings& out);
void look_at_disk(const Subject& subject, Findings& out);
void look_at_ports(const Subject& subject, Findings& out);
void look_at_certificates(const Subject& subject, Findings& out);
void look_at_open_files(const Subject& subject, Findings& out);
void look_at_memory(const Subject& subject, Findings& out);
void look_at_clock(const Subject& subject, Findings& out);
// Of others.
void look_at_kafka(const Subject& subject, Findings& out);
void look_at_mongodb(const Subject& subject, Findings& out);
void look_at_checkpoints(const Subject& subject, Findings& out);
void look_at_server(const Subject& subject, Findings& out);

// Says so if another clock shows another time than ours: `theirs_us` is what `whose` said, to about a second.
void compare_clocks(const Subject& subject, int64_t theirs_us, const std::string& whose, Findings& out);

}  // namespace freshet::app
