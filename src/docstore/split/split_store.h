// Two stores as one: whole profiles in the embedded one, where they are read; in the other one
// (MongoDB) only what people search by: identifiers, the attributes that are marked as indexed, and
// the version.
//
// A change that touches nothing of that is not sent there: the version there is that of the last
// change that was. A change is done when both have it, the embedded one first. What the embedded
// one loses in a crash is read again from `changes`; what the other one has of it already is stale
// to it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "docstore/doc_store.h"

namespace freshet::docstore {

// `indexed` has names of attributes of users and devices.
[[nodiscard]] std::unique_ptr<DocStore> make_split_store(std::unique_ptr<DocStore> whole,
                                                         std::unique_ptr<DocStore> searched,
                                                         std::vector<std::string> indexed);

}  // namespace freshet::docstore
