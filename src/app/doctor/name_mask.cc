#include "app/doctor/name_mask.h"

#include <fmt/core.h>

#include <algorithm>

namespace freshet::app {
namespace {

constexpr std::string_view kDatabase = "freshet_";  // docstore/mongo/collections.cc
constexpr std::string_view kSinks = "sinks/";       // app/sinks.cc
constexpr std::string_view kGroup = "sink.";        // sinks/runner_loop.cc

// Of names of tenants (app/config_tenants.cc).
bool is_name_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; }

}  // namespace

NameMask::NameMask(const std::vector<model::Tenant>& tenants) {
  for (const model::Tenant& one : tenants) {
    static_cast<void>(tenant(one.name));
    for (const model::Sink& its : one.sinks) static_cast<void>(sink(its.name));
  }
}

std::string NameMask::numbered(Numbers& numbers, std::string_view kind, std::string_view name) {
  return fmt::format("{}-{}", kind, numbers.try_emplace(std::string(name), numbers.size() + 1).first->second);
}

// None of these names has quotes in it.
std::string NameMask::in_answer(std::string_view text) {
  constexpr std::string_view kMarks[] = {"tenant=\"", "\"tenant\":\"", "sink=\"", "store=\""};
  std::string out;
  while (true) {
    size_t begin = std::string_view::npos;
    std::string_view mark;
    for (const std::string_view one : kMarks)
      if (const size_t at = text.find(one); at != std::string_view::npos && at + one.size() < begin) {
        begin = at + one.size();
        mark = one;
      }
    if (begin == std::string_view::npos) return out.append(text);
    const size_t end = std::min(text.find('"', begin), text.size());
    const std::string_view name = text.substr(begin, end - begin);
    out.append(text.substr(0, begin));
    out.append(mark == "sink=\"" ? sink(name) : mark == "store=\"" ? in_path(name) : tenant(name));
    text.remove_prefix(end);
  }
}

std::string NameMask::in_sentence(std::string_view text) const {
  std::string out;
  while (!text.empty()) {
    const auto* const end = std::find_if_not(text.begin(), text.end(), is_name_letter);
    std::string_view word = text.substr(0, static_cast<size_t>(end - text.begin()));
    text.remove_prefix(word.size());
    if (word.starts_with(kDatabase) && tenants_.contains(word.substr(kDatabase.size()))) {
      out.append(kDatabase);
      word.remove_prefix(kDatabase.size());
    }
    const auto known = tenants_.find(word);
    const bool in_group = known != tenants_.end() && out.ends_with(kGroup) && text.starts_with('.');
    out.append(known == tenants_.end() ? std::string(word) : fmt::format("tenant-{}", known->second));
    if (text.empty()) break;
    out += text.front();
    text.remove_prefix(1);
    if (!in_group) continue;
    const std::string_view name = text.substr(0, text.find_first_of(": "));
    const auto its = sinks_.find(name);
    out.append(its == sinks_.end() ? "sink" : fmt::format("sink-{}", its->second));
    text.remove_prefix(name.size());
  }
  return out;
}

// sinks/TENANT.SINK.HASH, and what is below.
std::string NameMask::in_path(std::string_view path) {
  if (!path.starts_with(kSinks)) return std::string(path);
  const std::string_view table = path.substr(kSinks.size(), path.find('/', kSinks.size()) - kSinks.size());
  const size_t first = table.find('.'), last = table.rfind('.');
  if (first == std::string_view::npos || last == first) return std::string(path);
  return fmt::format("{}{}.{}{}", kSinks, tenant(table.substr(0, first)),
                     sink(table.substr(first + 1, last - first - 1)), path.substr(kSinks.size() + last));
}

}  // namespace freshet::app
