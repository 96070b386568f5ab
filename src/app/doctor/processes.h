// Who has what on this machine, as Linux tells it under /proc. Everything may be hidden from us (another user's
// process, another container); then the answer is that nobody is seen. Private to the doctor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace freshet::app {

// The process that holds the lock of this data directory; 0: none. The lock is looked at and never taken: a Freshet
// that starts at the same moment would find it taken.
[[nodiscard]] int holder_of(const std::string& data_dir);
// Whether that process listens on the port.
[[nodiscard]] bool listens(int process, uint16_t port);
// A limit of a process as `/proc/PID/limits` names it ("Max open files"): the hard one; nullopt: it can't be read.
[[nodiscard]] std::optional<uint64_t> limit_of(int process, const std::string& name);
// The whole of a small file; "" if it can't be read.
[[nodiscard]] std::string text_of_file(const std::string& path);

}  // namespace freshet::app
