// The little of SVG that the report's pictures need. Classes are those of report.css.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace freshet::fleet {

// For text and for attributes in double quotes.
[[nodiscard]] std::string escape_html(std::string_view text);

// A picture that is drawn from left to right and from top to bottom: x and y are pixels from the upper left corner,
// what comes later lies above. REQUIRES: all figures are finite.
class Svg {
 public:
  // `label`: what the picture shows, for those who don't see it.
  Svg(double width, double height, std::string_view label);

  // `title`: shown where the pointer rests; "": none. Nothing is drawn that has no area.
  Svg& rect(double x, double y, double width, double height, std::string_view css, std::string_view title = "");
  Svg& line(double x1, double y1, double x2, double y2, std::string_view css);
  // `anchor`: start, middle or end.
  Svg& text(double x, double y, std::string_view anchor, std::string_view css, std::string_view text);
  Svg& polyline(const std::vector<std::pair<double, double>>& points, std::string_view css, std::string_view title);
  [[nodiscard]] std::string done() const { return out_ + "</svg>"; }

 private:
  std::string out_;
};

}  // namespace freshet::fleet
