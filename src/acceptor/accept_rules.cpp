#include <coppice/detail/acceptor/accept_rules.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace coppice::detail {

namespace {

// Tells whether the error is about one client only. Linux hands on what has happened to a
// connection before it was accepted, and accept(2) asks to treat that like EAGAIN. EPERM comes from
// a firewall.
bool is_of_one_client(int error) noexcept {
  switch (error) {
    case ECONNABORTED:
    case EPERM:
    case EPROTO:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case ETIMEDOUT:
#ifdef EHOSTDOWN
    case EHOSTDOWN:
#endif
#ifdef ENONET
    case ENONET:
#endif
      return true;
    default: return false;
  }
}

}  // namespace

// ENOSPC: epoll(7) watches as many descriptors as it may.
bool is_shortage(boost::system::error_code ec) noexcept {
  if (ec.category() != boost::system::system_category()) return false;
  switch (ec.value()) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC: return true;
    default: return false;
  }
}

accept_rules::verdict accept_rules::failed(boost::system::error_code ec) noexcept {
  if (is_shortage(ec)) return verdict::pause;
  if (ec.category() != boost::system::system_category() || !is_of_one_client(ec.value())) {
    return verdict::fail;
  }
  if (in_a_row_ >= most_in_a_row) return verdict::pause;
  ++in_a_row_;
  return verdict::again;
}

duration accept_rules::next_pause() noexcept {
  return std::exchange(pause_, std::min(2 * pause_, longest_pause));
}

}  // namespace coppice::detail
