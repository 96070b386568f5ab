// The two ways in which a server tells what has changed. Private to src/docstore/mongo.
//
// A position is a JSON object: {"stream":TOKEN}, with "invalidated":true where the stream has ended there,
// {"time":TIMESTAMP} of a server whose streams give no token before their first event, or {"oplog":TIMESTAMP}.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "docstore/mongo/change_events.h"
#include "docstore/mongo/change_reader.h"
#include "docstore/mongo/client.h"

namespace freshet::docstore {

struct RawChange {
  ChangeEvent event;
  std::string position;  // behind it
};

// Errors as ChangeReader's.
class Tail {
 public:
  virtual ~Tail() = default;
  [[nodiscard]] virtual Result<std::string> now() = 0;
  // Adds what is behind `position`, and makes `position` what is behind that. Goes on where it is if that is there.
  [[nodiscard]] virtual Status read(std::string& position, env::TimeUs timeout_us, std::vector<RawChange>& out) = 0;
};

// They use the connection, and both outlive them.
[[nodiscard]] std::unique_ptr<Tail> stream_tail(Client& client, mongoc_client_t* connection,
                                                const ChangeReaderOptions& options);
[[nodiscard]] std::unique_ptr<Tail> oplog_tail(Client& client, mongoc_client_t* connection,
                                               const ChangeReaderOptions& options, env::Clock& clock);

// Whether a position is one of the oplog.
[[nodiscard]] bool is_of_oplog(std::string_view position);
// An error of reading changes; kNotFound where the server says that it no longer has them.
[[nodiscard]] Error tail_error(const Client& client, const bson_error_t& error, const std::string& what);

}  // namespace freshet::docstore
