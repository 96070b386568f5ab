// SVG as text. Every text that comes from a file goes through escape_html(): a topology is written by others, and its
// names must not become elements of the page.
#include "fleet/plan/svg.h"

#include <fmt/core.h>

#include <cmath>

#include "base/assert.h"

namespace freshet::fleet {
namespace {

// No more digits than can be seen.
std::string figure(double value) {
  std::string out = fmt::format("{:.1f}", value);
  FRESHET_ASSERT(std::isfinite(value));
  if (out.ends_with(".0")) out.resize(out.size() - 2);
  return out;
}

std::string titled(std::string_view element, std::string_view title) {
  return title.empty() ? "/>" : fmt::format("><title>{}</title></{}>", escape_html(title), element);
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

Svg::Svg(double width, double height, std::string_view label)
    : out_(fmt::format(R"(<svg role="img" aria-label="{2}" width="{0}" height="{1}" viewBox="0 0 {0} {1}">)",
                       figure(width), figure(height), escape_html(label))) {}

Svg& Svg::rect(double x, double y, double width, double height, std::string_view css, std::string_view title) {
  // Written so that a size that is not a number draws nothing, either.
  if (!(width > 0 && height > 0)) return *this;
  out_ += fmt::format(R"(<rect x="{}" y="{}" width="{}" height="{}" rx="1.5" class="{}")", figure(x), figure(y),
                      figure(width), figure(height), css) +
          titled("rect", title);
  return *this;
}

Svg& Svg::line(double x1, double y1, double x2, double y2, std::string_view css) {
  out_ += fmt::format(R"(<line x1="{}" y1="{}" x2="{}" y2="{}" class="{}"/>)", figure(x1), figure(y1), figure(x2),
                      figure(y2), css);
  return *this;
}

Svg& Svg::text(double x, double y, std::string_view anchor, std::string_view css, std::string_view text) {
  out_ += fmt::format(R"(<text x="{}" y="{}" text-anchor="{}" class="{}">{}</text>)", figure(x), figure(y), anchor, css,
                      escape_html(text));
  return *this;
}

Svg& Svg::polyline(const std::vector<std::pair<double, double>>& points, std::string_view css, std::string_view title) {
  std::string list;
  for (const auto& [x, y] : points) list += (list.empty() ? "" : " ") + figure(x) + "," + figure(y);
  out_ += fmt::format(R"(<polyline points="{}" class="{}")", list, css) + titled("polyline", title);
  return *this;
}

}  // namespace freshet::fleet
