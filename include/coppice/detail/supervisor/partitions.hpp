#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/supervisor/request_waits.hpp>
#include <coppice/detail/supervisor/supervisor_request.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace coppice::detail {

COPPICE_API pid find_partition(const process_ref& supervisor, std::uintmax_t number);
COPPICE_API pid find_partition(std::string_view supervisor, std::uintmax_t number);
COPPICE_API pid find_partition(asio::io_context& io, std::string_view supervisor,
                               std::uintmax_t number);

// A call that changes the number of partitions.
class resize_request : public supervisor_request {
 public:
  explicit resize_request(std::size_t n) noexcept
      : supervisor_request{kind_type::resize}, partitions{n} {}

  std::size_t partitions;
  std::size_t previous = 0;
};

struct resize_wait : request_wait_base {
  using signature = void(boost::system::error_code, std::size_t);

  template <class Handler>
  void complete(Handler&& h) {
    const auto& r = static_cast<const resize_request&>(*request);
    std::forward<Handler>(h)(r.error, r.previous);
  }
};

using resize_operation = deferred_wait<resize_wait>;

}  // namespace coppice::detail
