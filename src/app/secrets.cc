#include "app/secrets.h"

#include <sys/stat.h>

#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "env/file.h"

namespace freshet::app {
namespace {

constexpr size_t kSecretBytesMax = 64u << 10;

}  // namespace

Result<std::string> secret_of(const std::string& text) {
  constexpr std::string_view kEnv = "env:";
  constexpr std::string_view kFile = "file:";
  if (text.starts_with(kEnv)) {
    const std::string name = text.substr(kEnv.size());
    const char* const value = std::getenv(name.c_str());  // NOLINT: nothing sets variables after the start
    if (value == nullptr || trim(value).empty())
      return fail(Code::kInvalid, "the environment of this process has no variable " + name + ", or a blank one");
    return std::string(value);
  }
  if (!text.starts_with(kFile)) return text;
  const std::string path = text.substr(kFile.size());
  struct stat about{};
  if (::stat(path.c_str(), &about) != 0 || !S_ISREG(about.st_mode) ||
      static_cast<size_t>(about.st_size) > kSecretBytesMax)
    return fail(Code::kInvalid, path + ": can't be read as a file with a secret");
  const std::string content = env::read_file(path).value_or("");
  const std::string_view secret = trim(content, " \t\r\n");
  if (secret.empty()) return fail(Code::kInvalid, path + ": has no secret in it, or can't be read");
  return std::string(secret);
}

}  // namespace freshet::app
