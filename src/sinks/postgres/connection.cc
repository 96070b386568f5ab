#include "sinks/postgres/connection.h"

#include <fmt/core.h>
#include <libpq-fe.h>

#include <array>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace freshet::sinks {
namespace {

struct ConnectionEnd {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ResultEnd {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ConnectionPtr = std::unique_ptr<PGconn, ConnectionEnd>;
using ResultPtr = std::unique_ptr<PGresult, ResultEnd>;

constexpr const char* kConnectSeconds = "10";
constexpr const char* kSilenceMs = "40000";  // of a server whose machine is gone, before the connection ends
constexpr int kIdleSeconds = 60;             // of a transaction of ours, before the server ends it

// Messages end in a line break, and have more lines with hints.
std::string first_line(const char* text) {
  const std::string_view all(text == nullptr ? "" : text);
  return std::string(trim(all.substr(0, all.find('\n'))));
}

// PostgreSQL's errors, by the class of SQLSTATE (its documentation, appendix A). About one row are its data, a
// constraint, the check of a view, a limit (an index takes no value so long), and what a trigger raises.
Code code_of(std::string_view state) {
  const std::string_view kind = state.substr(0, 2);
  for (const std::string_view of_row : {"22", "23", "44", "54", "P0"})
    if (kind == of_row) return Code::kInvalid;
  for (const std::string_view later : {"", "08", "25", "40", "53", "55", "57", "58"})
    if (kind == later) return Code::kRetry;
  return Code::kFatal;
}

class LibpqConnection final : public SqlConnection {
 public:
  explicit LibpqConnection(ConnectionPtr connection) : connection_(std::move(connection)) {}

  Result<SqlRows> run(const std::string& statement, const std::vector<std::string>& values) override {
    std::vector<const char*> texts;
    for (const std::string& value : values) texts.push_back(value.c_str());
    const ResultPtr result(PQexecParams(connection_.get(), statement.c_str(), static_cast<int>(texts.size()), nullptr,
                                        texts.data(), nullptr, nullptr, 0));
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
      const char* const state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
      return fail(code_of(state == nullptr ? "" : state),
                  "PostgreSQL: " + first_line(PQerrorMessage(connection_.get())));
    }
    SqlRows rows(static_cast<size_t>(PQntuples(result.get())));
    for (size_t r = 0; r < rows.size(); ++r) {
      for (int c = 0; c < PQnfields(result.get()); ++c) {
        const int row = static_cast<int>(r);
        if (PQgetisnull(result.get(), row, c) != 0) {
          rows[r].emplace_back(std::nullopt);
        } else {
          rows[r].emplace_back(
              std::string(PQgetvalue(result.get(), row, c), static_cast<size_t>(PQgetlength(result.get(), row, c))));
        }
      }
    }
    return rows;
  }

  bool is_open() const override { return PQstatus(connection_.get()) == CONNECTION_OK; }

 private:
  ConnectionPtr connection_;
};

std::string quoted(const std::string& text, char quote) {
  std::string out(1, quote);
  for (const char c : text) out.append(c == quote ? 2 : 1, c);
  return out + quote;
}

}  // namespace

Result<std::unique_ptr<SqlConnection>> SqlConnection::open(const std::string& uri) {
  // What libpq says of a string that it can't read may have the password in it.
  PQconninfoOption* const parsed = PQconninfoParse(uri.c_str(), nullptr);
  if (parsed == nullptr)
    return fail(Code::kInvalid, "uri: is no connection string of PostgreSQL, such as postgresql://user@host/database");
  PQconninfoFree(parsed);
  constexpr std::array<const char*, 6> kKeys = {"dbname",           "connect_timeout", "tcp_user_timeout",
                                                "application_name", "options",         nullptr};
  const std::string options = fmt::format("-c statement_timeout={}s -c idle_in_transaction_session_timeout={}s",
                                          kStatementSeconds, kIdleSeconds);
  const std::array<const char*, 6> values = {uri.c_str(), kConnectSeconds, kSilenceMs,
                                             "freshet",   options.c_str(), nullptr};
  ConnectionPtr connection(PQconnectdbParams(kKeys.data(), values.data(), 1));
  if (connection == nullptr || PQstatus(connection.get()) != CONNECTION_OK)
    return fail(Code::kRetry, "PostgreSQL can't be reached: " + first_line(PQerrorMessage(connection.get())));
  PQsetNoticeProcessor(connection.get(), [](void*, const char*) {}, nullptr);
  return std::make_unique<LibpqConnection>(std::move(connection));
}

std::string sql_name(const std::string& name) { return quoted(name, '"'); }
std::string sql_text(const std::string& text) { return quoted(text, '\''); }

}  // namespace freshet::sinks
