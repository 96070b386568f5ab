#include "app/broker_command.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace freshet::app {
namespace {

// What brokers say of themselves goes into somebody's shell: only what an address or a rack is made of does.
bool is_harmless(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return is_name_char(c) || c == '.' || c == '-' || c == ':'; });
}

}  // namespace

// Words in braces that are not ours are the shell's or the command's own, and stay.
Result<std::string> command_for(std::string text, const CommandedBroker& broker) {
  if (!is_harmless(broker.host) || !is_harmless(broker.rack))
    return fail(Code::kFatal,
                fmt::format("broker {} has a host or rack that is no name: no command is run with it", broker.id));
  const std::pair<std::string_view, std::string> words[] = {{"{broker}", std::to_string(broker.id)},
                                                            {"{host}", broker.host},
                                                            {"{port}", std::to_string(broker.port)},
                                                            {"{rack}", broker.rack}};
  for (const auto& [word, value] : words) {
    for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + value.size()))
      text.replace(at, word.size(), value);
  }
  return text;
}

}  // namespace freshet::app
