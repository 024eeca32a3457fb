#pragma once

#include <coppice/detail/asio/asio_compat.hpp>

/// Marks what the compiled library exports; everything else stays hidden.
#if defined(_WIN32) || defined(__CYGWIN__)
#define COPPICE_API
#else
#define COPPICE_API __attribute__((visibility("default")))
#endif

namespace boost::asio {}

namespace coppice {

namespace asio = boost::asio;

}  // namespace coppice
