#include <coppice/report_text.hpp>

#include "text_parts.hpp"

namespace coppice {

// A report has two text forms, for grep and for people. Each form is a visitor in a file of its
// own, so that all its sentences stand together; text_parts.hpp has what they share.
std::string to_string(const report& r, const text_style& style) {
  return style.multi_line ? detail::block_of(r, style) : detail::line_of(r, style);
}

}  // namespace coppice
