// Writes records as files of lines of JSON into a directory or a bucket of S3, each record into one file, whatever
// dies. docs/sinks.md has the layout.
//
// Exactly once, where nothing can be done in a transaction: a batch is named by the place where it begins, which is
// durable in the log before the batch is made. First its plan is put, if there is none of that name: this decides where
// it ends, and who comes later, after a crash or as another owner, makes a batch of the same end and so the same files.
// Then the files, then the manifest, which is what readers go by. All of it may be repeated: what is there already is
// left as it is. A process that starts again finds how far it was by the manifests from the log's place on.
#pragma once

#include <memory>

#include "objectstore/object_store.h"
#include "sinks/sink.h"

namespace freshet::sinks {

// kInvalid: the address is none.
[[nodiscard]] Result<std::unique_ptr<Sink>> open_files(const Around& around);
// The same into this store.
[[nodiscard]] std::unique_ptr<Sink> make_files(const Around& around, std::unique_ptr<objectstore::ObjectStore> store);

}  // namespace freshet::sinks
