// The object store in a directory: objects are files under it. Writes beside and links into place, both synced, so that
// a crash leaves an object whole or not at all; what it leaves of attempts (.incoming-…) goes after a day, at the next
// open.
#pragma once

#include <memory>
#include <string>

#include "objectstore/object_store.h"

namespace freshet::objectstore {

// kInvalid: the directory can't be made or written. `to`: as in messages.
[[nodiscard]] Result<std::unique_ptr<ObjectStore>> open_directory_store(const std::string& directory,
                                                                        const std::string& to, env::Clock& clock,
                                                                        env::Random& random);

}  // namespace freshet::objectstore
