// How imports answer, and the dead letters of their rows. All functions are pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/v1/event.pb.h"
#include "freshet/v1/import.pb.h"
#include "ingest/items/parsed.h"

namespace freshet::ingest {

struct ImportError {
  std::string_view code, message;
};

// {"id":…,"name":…,"state":"active"|"complete","offset":…,"line":…,"size":…,"accepted":…,"rejected":…,"created_at":…,
//  "updated_at":…,"rejected_rows":[{"line":…,"code":…,"message":…}],"error":{"code":…,"message":…}}
[[nodiscard]] std::string import_json(const v1::ImportProgress& progress,
                                      const google::protobuf::RepeatedPtrField<v1::RejectedRow>& rows,
                                      const std::optional<ImportError>& error = {});
// {"imports":[…],"next":"…"}, each of them without its rows. `next` is the id of the last one if the list goes on, else
// null.
[[nodiscard]] std::string import_list_json(const std::vector<v1::ImportProgress>& all, bool goes_on);
// {"error":{"code":…,"message":…}}, with the id of an import that it is about if there is one.
[[nodiscard]] std::string import_error_json(const ImportError& error, std::string_view id = {});

// A row that is sent again after a crash gets the same dead letter id: the start of the import and
// the message id.
[[nodiscard]] v1::DeadLetter import_dead_letter(const v1::ImportProgress& progress, Rejection rejection, uint64_t line,
                                                int64_t received_at_us);

}  // namespace freshet::ingest
