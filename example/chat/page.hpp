#pragma once

#include <string_view>

namespace chat {

/// The one page: HTML with its style and script inside. It needs nothing from elsewhere.
extern const std::string_view page_text;

}  // namespace chat
