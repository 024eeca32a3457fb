#include <coppice/report_text.hpp>

#include "text_parts.hpp"

namespace coppice {

std::string to_string(const report& r, const text_style& style) {
  return style.multi_line ? detail::block_of(r, style) : detail::line_of(r, style);
}

}  // namespace coppice
