#pragma once

#include "chance/random_stream.hpp"
#include "descriptor.hpp"

#include <sys/epoll.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

namespace coppice::detail {

class epoll_set;

// One descriptor that an epoll set watches.
class epoll_entry {
 public:
  epoll_entry(epoll_set& s, descriptor& d, const epoll_event& e) noexcept
      : in{s}, of{d}, wanted{e} {}

  epoll_set& in;
  descriptor& of;
  epoll_event wanted;
  bool listed = false;  // among those that may be ready
};

// An epoll descriptor, edge-triggered and level-triggered. The seed decides which of several ready
// descriptors is told first, and which only next time.
class epoll_set final : public descriptor {
 public:
  explicit epoll_set(std::uint64_t seed) noexcept : order_{seed, "completion order"} {}
  ~epoll_set() override;

  [[nodiscard]] std::uint32_t readiness() const noexcept override { return 0; }

  // As epoll_ctl.
  int add(int number, descriptor& d, const epoll_event& e);
  int change(int number, const epoll_event& e);
  int remove(int number);
  // Its last number has been closed.
  static void forget(descriptor& d);

  [[nodiscard]] bool has_ready() const noexcept;
  // Gives how many there are.
  int take_ready(std::span<epoll_event> into);

  // Lets it tell in order, and of all at once.
  void keep_order() noexcept { drawn_ = false; }

 private:
  friend class descriptor;
  void list(epoll_entry& e);
  void drop(const epoll_entry& e);

  std::map<int, std::unique_ptr<epoll_entry>> entries_;
  std::vector<epoll_entry*> ready_;
  std::vector<epoll_entry*> taken_;  // of `take_ready`
  random_stream order_;
  bool drawn_ = true;
};

}  // namespace coppice::detail
