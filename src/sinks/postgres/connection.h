// A connection to PostgreSQL by libpq. One thread uses it; calls block, each for kStatementSeconds at most, or for 40 s
// where the server's machine is gone without a word.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace freshet::sinks {

// The rows of an answer as text; nullopt: NULL.
using SqlRow = std::vector<std::optional<std::string>>;
using SqlRows = std::vector<SqlRow>;

class SqlConnection {
 public:
  static constexpr int kStatementSeconds = 30;

  // kRetry: it can't be reached, or does not let us in. kInvalid: the string can't be read. Errors have no password.
  [[nodiscard]] static Result<std::unique_ptr<SqlConnection>> open(const std::string& uri);
  virtual ~SqlConnection() = default;
  // Runs one statement with $1, $2, …. kRetry: the server is away, full, or has stopped it. kInvalid: it can't take a
  // value that it was given (SQLSTATE 22… and 23…). kFatal: all else, such as a table that is not as it must be.
  [[nodiscard]] virtual Result<SqlRows> run(const std::string& statement,
                                            const std::vector<std::string>& values = {}) = 0;
  [[nodiscard]] virtual bool is_open() const = 0;
};

// "name" as an identifier in a statement, in quotes.
[[nodiscard]] std::string sql_name(const std::string& name);
// 'text'
[[nodiscard]] std::string sql_text(const std::string& text);

}  // namespace freshet::sinks
