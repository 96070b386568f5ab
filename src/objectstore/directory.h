// The object store in a directory: objects are files under it. An object is written beside and
// linked into place, both synced, so that a crash leaves it whole or not at all. What a crash
// leaves of attempts (.incoming-…) is removed after a day, at the next open.
#pragma once

#include <memory>
#include <string>

#include "objectstore/object_store.h"

namespace freshet::objectstore {

// kInvalid: the directory can't be made or written. `to` is the address for messages.
[[nodiscard]] Result<std::unique_ptr<ObjectStore>> open_directory_store(const std::string& directory,
                                                                        const std::string& to, env::Clock& clock,
                                                                        env::Random& random);

}  // namespace freshet::objectstore
