#pragma once

#include <boost/asio/version.hpp>

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

// Two shortcuts use awaitable_thread, a class of Asio's that is not documented: the runners of
// processes, and operations that complete where they are begun. It is the same in every Boost up to
// 1.90, the newest one seen. With still newer ones the shortcuts are not taken. Defined by the
// user, this macro says so for any Boost; the same tests pass then.
#if BOOST_ASIO_VERSION > 103800 && !defined(COPPICE_DOCUMENTED_ASIO_ONLY)
#define COPPICE_DOCUMENTED_ASIO_ONLY 1
#endif
