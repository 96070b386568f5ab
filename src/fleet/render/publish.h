// The output folder: written whole or not at all, and never over what somebody changed by hand.
//
// The new folder is made beside the old one and the two change places in one step; so at any moment, and after a crash
// or a loss of power at any point, the folder is the old one or the new one. What a crash leaves beside it is removed
// by the next run. MANIFEST in the folder lists what was rendered, in the format of `xxh128sum` ("HASH  PATH"), after
// one comment line.
//
// A rendered file that is no longer as the manifest says, is gone, or stands where nobody rendered it, is a change by
// hand. Files that are not rendered are kept; unchanged ones keep their inode and times.
//
// Blocks on I/O; one thread. Another process that publishes beside the same parent at the same time gets kRetry.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "fleet/render/file.h"

namespace freshet::fleet {

inline constexpr std::string_view kManifest = "MANIFEST";

struct PublishOptions {
  std::vector<std::string> only =
      {};                // top folders that `files` are all of; empty: everything. Others stay as they are.
  bool force = false;    // overwrite changes by hand
  bool exchange = true;  // false: as on file systems that can't swap two folders in one step
  std::function<void()> at_step = {};  // for tests: called before each change on disk
};

// Tells what publish() did, or would not do.
struct Published {
  size_t written = 0;  // new or with other bytes
  size_t unchanged = 0;
  size_t removed = 0;                    // no longer rendered
  std::vector<std::string> losses = {};  // what applying it would lose that the rendering before had (losses.h)
  std::vector<std::string> by_hand =
      {};  // "PATH: changed", "PATH: deleted", "PATH: not rendered before", sorted; if there are any
           // and not `force`, nothing was written
};

// Makes `directory` hold these files. REQUIRES: they are sorted by path, and all different. kInvalid: the folder is
// not ours, or is the current one; kRetry: another one publishes; kFatal: I/O. On an error the folder is as it was.
[[nodiscard]] Result<Published> publish(const std::string& directory, const std::vector<File>& files,
                                        const Source& source, const PublishOptions& options);

}  // namespace freshet::fleet
