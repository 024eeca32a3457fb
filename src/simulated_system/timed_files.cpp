#include "timed_files.hpp"

namespace coppice::detail {

namespace {

ssize_t give(std::span<const iovec> into, std::uint64_t number) {
  if (size_of(into) < sizeof number) return -EINVAL;
  std::memcpy(into.front().iov_base, &number, sizeof number);
  return sizeof number;
}

}  // namespace

ssize_t timer_file::read(std::span<const iovec> into, int) {
  if (!expired_) return -EAGAIN;
  expired_ = false;
  return give(into, 1);
}

ssize_t event_file::read(std::span<const iovec> into, int) {
  if (count_ == 0) return -EAGAIN;
  const ssize_t given = give(into, count_);
  if (given > 0) count_ = 0;
  return given;
}

ssize_t event_file::write(std::span<const iovec> from, int) {
  std::uint64_t more = 0;
  if (size_of(from) < sizeof more) return -EINVAL;
  std::memcpy(&more, from.front().iov_base, sizeof more);
  count_ += more;
  changed();
  return sizeof more;
}

}  // namespace coppice::detail
