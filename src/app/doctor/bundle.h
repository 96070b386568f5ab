// What a person who is asked for help wants to see, in one file, with nothing personal in it: no records, no values, no
// names of tenants, no secrets. Private to the doctor.
#pragma once

#include <string>
#include <vector>

#include "app/doctor/archive.h"
#include "app/doctor/doctor.h"

namespace freshet::app {

// The files of the bundle: README.txt, version.txt, doctor.json, config.yaml (masked), machine.txt, files.txt, and of a
// Freshet that runs status.json, metrics.txt and metrics-later.txt, two seconds apart, so that it shows what moves.
[[nodiscard]] std::vector<ArchiveFile> bundle_files(const Subject& subject, const std::vector<Finding>& findings);
// The bundle at this path; kConflict: there is a file already.
[[nodiscard]] Status write_bundle(const Subject& subject, const std::vector<Finding>& findings,
                                  const std::string& path);

}  // namespace freshet::app
