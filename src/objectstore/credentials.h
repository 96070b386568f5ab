// Where the credentials of an object store come from, once and again: those of a session end after an hour or a day,
// and whoever keeps them puts the next ones into a file.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "objectstore/object_store.h"

namespace freshet::objectstore {

// The credentials of a profile in the text of such a file. kInvalid: it has none.
[[nodiscard]] Result<Credentials> parse_credentials(std::string_view text, std::string_view profile);

// Thread-safe.
class CredentialSource {
 public:
  // The file is read if `credentials` has no key.
  CredentialSource(const Credentials& credentials, const CredentialsFile& file);

  // kInvalid: there are none, and where they could be.
  [[nodiscard]] Status check() const;
  [[nodiscard]] Credentials get() const;
  // Those that were used were refused: whether there are others by now.
  [[nodiscard]] bool has_others(const Credentials& used);

 private:
  const CredentialsFile file_;  // no path: there is none
  mutable std::mutex mutex_;
  Credentials credentials_;  // guarded by mutex_, as is why_
  std::string why_;          // there are none
};

}  // namespace freshet::objectstore
