#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace coppice::detail {

class epoll_entry;

// An open file of a simulated system. Its functions give what the system calls of their names give,
// or the errno below 0.
class descriptor {
 public:
  descriptor() = default;
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  virtual ~descriptor() = default;

  // Gives the events of which epoll tells: EPOLLIN and so on.
  [[nodiscard]] virtual std::uint32_t readiness() const noexcept = 0;
  virtual ssize_t read(std::span<const iovec>, int /*flags*/) { return -EINVAL; }
  virtual ssize_t write(std::span<const iovec>, int /*flags*/) { return -EINVAL; }
  // No number refers to it any more.
  virtual void closed() {}

  bool nonblocking = false;

 protected:
  // Something has happened that epoll tells of, also to those who want to hear only of that.
  void changed() const;

 private:
  friend class epoll_set;
  std::vector<epoll_entry*> watched_by_;
};

[[nodiscard]] inline std::size_t size_of(std::span<const iovec> pieces) noexcept {
  std::size_t size = 0;
  for (const iovec& piece : pieces) size += piece.iov_len;
  return size;
}

}  // namespace coppice::detail
