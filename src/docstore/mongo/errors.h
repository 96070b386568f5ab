// Who recovers from what MongoDB answers. It is pure: the numbers are the server's error codes.
#pragma once

#include <mongoc/mongoc.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freshet::docstore {

// Who recovers from an error code that the server gave:
//   kRetry    it is away, changes its primary, is overloaded, out of disk, or could not confirm the write in time
//   kFatal    the operator: credentials, privileges, a server that lacks what is needed
//   kInvalid  everything else: what was sent is wrong, or the collection that it was for can't have it, and stays so
[[nodiscard]] Code code_of_server_error(int code);
// Whether the error is about the collection or its database: it is the same for whatever is written there.
[[nodiscard]] bool is_about_collection(const bson_error_t& error);
// The same for an error of the driver or, as its domain says, of the server.
[[nodiscard]] Code code_of(const bson_error_t& error);

// Whether a write was refused because another document has this _id; the same code may be about
// another unique index.
[[nodiscard]] bool is_duplicate_id(int code, std::string_view message);

// What the server says of one operation.
struct WriteError {
  int code = 0;
  std::string message;
};

// What the reply to a bulk says of its operations.
struct BulkReply {
  std::map<uint32_t, WriteError> refused;  // by the operation's index in the bulk
  std::string unconfirmed;                 // "" or why it is done but not as durable as the write concern asks
};
[[nodiscard]] BulkReply read_reply(const bson_t& reply);

// Takes secrets out of what is shown, because drivers and servers repeat what they were sent.
class Redactor {
 public:
  void hide(std::string_view secret);  // "" hides nothing
  [[nodiscard]] std::string clean(std::string text) const;

 private:
  std::vector<std::string> secrets_;
};

}  // namespace freshet::docstore
