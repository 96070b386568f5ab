#include "objectstore/credentials.h"

#include <algorithm>

#include "base/text.h"
#include "env/file.h"

namespace freshet::objectstore {
namespace {

bool is_whole(const Credentials& credentials) {
  return !credentials.access_key_id.empty() && !credentials.secret_access_key.empty();
}

Result<Credentials> read_credentials(const CredentialsFile& file) {
  const auto text = env::read_file(file.path);
  if (!text) return fail(Code::kInvalid, file.path + " can't be read");
  auto read = parse_credentials(*text, file.profile);
  if (!read) return fail(Code::kInvalid, file.path + ": " + read.error().message);
  return read;
}

}  // namespace

// Lines are `[profile]`, `name = value`, or comments.
Result<Credentials> parse_credentials(std::string_view text, std::string_view profile) {
  Credentials out;
  bool ours = false;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = trim(text.substr(at, end - at), " \t\r");
    at = end + 1;
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      ours = line.ends_with(']') && trim(line.substr(1, line.size() - 2), " \t") == profile;
      continue;
    }
    const size_t equals = line.find('=');
    if (!ours || equals == std::string_view::npos) continue;
    const std::string_view name = trim(line.substr(0, equals), " \t");
    const std::string value(trim(line.substr(equals + 1), " \t"));
    if (name == "aws_access_key_id") out.access_key_id = value;
    if (name == "aws_secret_access_key") out.secret_access_key = value;
    if (name == "aws_session_token") out.session_token = value;
  }
  if (!is_whole(out))
    return fail(Code::kInvalid, "profile " + std::string(profile) +
                                    " has no aws_access_key_id and aws_secret_access_key, or there is no such profile");
  return out;
}

CredentialSource::CredentialSource(const Credentials& credentials, const CredentialsFile& file)
    : file_(credentials.access_key_id.empty() ? file : CredentialsFile()), credentials_(credentials) {
  if (file_.path.empty()) return;
  auto read = read_credentials(file_);
  if (read) credentials_ = *std::move(read);
  if (!read) why_ = " (" + read.error().message + ")";
}

Status CredentialSource::check() const {
  const std::lock_guard lock(mutex_);
  if (is_whole(credentials_)) return {};
  return fail(Code::kInvalid,
              "needs credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or a file that "
              "AWS_SHARED_CREDENTIALS_FILE names" +
                  why_);
}

Credentials CredentialSource::get() const {
  const std::lock_guard lock(mutex_);
  return credentials_;
}

// Another request may have read them already. A file that is half written, or gone, leaves those that were.
bool CredentialSource::has_others(const Credentials& used) {
  if (file_.path.empty()) return false;
  const auto read = read_credentials(file_);
  const std::lock_guard lock(mutex_);
  if (read) credentials_ = *read;
  return credentials_ != used;
}

}  // namespace freshet::objectstore
