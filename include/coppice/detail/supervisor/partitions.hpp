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
#include <memory>
#include <string_view>
#include <utility>

namespace coppice::detail {

COPPICE_API pid find_partition(const process_ref& supervisor, std::uintmax_t number);
COPPICE_API pid find_partition(std::string_view supervisor, std::uintmax_t number);
COPPICE_API pid find_partition(asio::io_context& io, std::string_view supervisor,
                               std::uintmax_t number);

// A call that changes the number of partitions. It is answered with the number before.
class resize_request : public supervisor_request {
 public:
  explicit resize_request(std::size_t n) noexcept
      : supervisor_request{kind_type::resize}, partitions{n} {}

  std::size_t partitions;
  std::size_t previous = 0;
};

COPPICE_API std::shared_ptr<supervisor_request> make_resize(std::size_t partitions);

struct resize_wait : request_wait_base {
  using signature = void(boost::system::error_code, std::size_t);

  template <class Handler>
  void complete(Handler&& h) {
    const auto& r = static_cast<const resize_request&>(*request);
    std::forward<Handler>(h)(r.error, r.previous);
  }
};

}  // namespace coppice::detail
