#include "stream_socket.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace coppice::detail {

namespace {

// As Linux does it, a connection that finds no room is tried again after a second, and so on.
constexpr int most_attempts = 6;

}  // namespace

std::pair<std::shared_ptr<stream_socket>, std::shared_ptr<stream_socket>> stream_socket::pair(
    network& n) {
  const auto wire = std::make_shared<connection>(n);
  socket_conditions& conditions = n.conditions_of_opener();
  auto one = std::make_shared<stream_socket>(n, conditions, AF_UNIX);
  auto other = std::make_shared<stream_socket>(n, conditions, AF_UNIX);
  one->attach(wire, 0);
  other->attach(wire, 1);
  return {one, other};
}

void stream_socket::attach(std::shared_ptr<connection> wire, int end) noexcept {
  wire_ = std::move(wire);
  end_ = end;
  wire_->attach(end, *this);
}

std::uint32_t stream_socket::readiness() const noexcept {
  if (listening_) return pending_.empty() ? 0U : EPOLLIN;
  std::uint32_t ready = error_ != 0 ? EPOLLERR | EPOLLIN | EPOLLOUT | EPOLLHUP : 0U;
  if (!is_connected()) return ready;
  const byte_stream& in = wire_->incoming(end_);
  const bool over = wire_->is_reset();
  if (in.available() > 0 || in.end_arrived || over || read_shut_) ready |= EPOLLIN;
  if (wire_->has_room(end_) || over) ready |= EPOLLOUT;
  if (in.end_arrived || over) ready |= EPOLLRDHUP;
  if (over || (in.end_arrived && wire_->outgoing(end_).finished)) ready |= EPOLLHUP;
  return ready;
}

ssize_t stream_socket::read(std::span<const iovec> into, int flags) {
  if (!is_connected()) return error_ != 0 ? -take_error() : connecting_ ? -EAGAIN : -ENOTCONN;
  if (available() == 0 && error_ != 0) return -take_error();
  if (read_shut_) return 0;
  return wire_->read(end_, into, (flags & MSG_PEEK) != 0);
}

ssize_t stream_socket::write(std::span<const iovec> from, int) {
  if (!is_connected()) return error_ != 0 ? -take_error() : connecting_ ? -EAGAIN : -ENOTCONN;
  if (error_ != 0) return -take_error();
  return wire_->write(end_, from);
}

void stream_socket::closed() {
  open_ = false;
  if (listening_) {
    in_.stop_listening(*this);
    for (const auto& s : pending_) {
      s->wire_->leave(s->end_, true);
      s->wire_.reset();
    }
    pending_.clear();
  }
  if (wire_) wire_->leave(end_, abort_);
  wire_.reset();
}

int stream_socket::bind(const address& where) {
  if (bound_) return -EINVAL;
  if (where.family != local_.family) return -EAFNOSUPPORT;
  if (where.port != 0 && in_.listener(where) != nullptr) return -EADDRINUSE;
  local_ = where;
  if (local_.port == 0) local_.port = in_.free_port();
  bound_ = true;
  return 0;
}

int stream_socket::listen(int backlog) {
  if (wire_ || connecting_) return -EINVAL;
  backlog_ = static_cast<std::size_t>(std::clamp(backlog, 1, 4096));
  if (listening_) return 0;
  if (!bound_) bind({local_.family, {}, 0});
  if (!in_.listen(local_, *this)) return -EADDRINUSE;
  listening_ = true;
  return 0;
}

int stream_socket::connect(const address& where) {
  if (connecting_) return -EALREADY;
  if (wire_) return -EISCONN;
  if (listening_) return -EINVAL;
  if (where.family != local_.family) return -EAFNOSUPPORT;
  peer_ = where.is_any() ? address::loopback(where.family, where.port) : where;
  if (local_.is_any()) local_.ip = address::loopback(local_.family, 0).ip;
  if (local_.port == 0) local_.port = in_.free_port();
  bound_ = connecting_ = true;
  try_to_connect(0);
  return -EINPROGRESS;
}

void stream_socket::try_to_connect(int attempt) {
  simulated_system& system = in_.system();
  system.at(system.now() + conditions_.travel_time(), [self = shared_from_this(), attempt] {
    if (!self->open_ || !self->connecting_) return;
    stream_socket* const to = self->in_.listener(self->peer_);
    if (to == nullptr || self->conditions_.is_refused()) {
      self->connecting_ = false;
      return self->fail(ECONNREFUSED);
    }
    if (to->pending_.size() > to->backlog_) {
      if (attempt == most_attempts) {
        self->connecting_ = false;
        return self->fail(ETIMEDOUT);
      }
      simulated_system& s = self->in_.system();
      s.at(s.now() + std::chrono::seconds{1U << static_cast<unsigned>(attempt)},
           [self, attempt] { self->try_to_connect(attempt + 1); });
      return;
    }
    const auto wire = std::make_shared<connection>(self->in_);
    auto other = std::make_shared<stream_socket>(self->in_, to->conditions_, self->local_.family);
    other->local_ = self->peer_;
    other->peer_ = self->local_;
    other->bound_ = true;
    other->attach(wire, 1);
    self->attach(wire, 0);
    self->connecting_ = false;
    to->pending_.push_back(std::move(other));
    to->changed();
    self->changed();
  });
}

std::pair<std::shared_ptr<stream_socket>, int> stream_socket::accept() {
  if (!listening_) return {nullptr, -EINVAL};
  if (pending_.empty()) return {nullptr, -EAGAIN};
  if (conditions_.lacks_descriptors()) return {nullptr, -EMFILE};
  auto taken = std::move(pending_.front());
  pending_.pop_front();
  return {std::move(taken), 0};
}

int stream_socket::shutdown(int how) {
  if (!is_connected() || wire_->is_reset()) return -ENOTCONN;
  if (how != SHUT_WR) read_shut_ = true;
  if (how != SHUT_RD) wire_->finish(end_);
  changed();
  return 0;
}

int stream_socket::set_option(int level, int name, const void* value, socklen_t size) {
  if (level == SOL_SOCKET && name == SO_LINGER && size >= sizeof(linger)) {
    linger l{};
    std::memcpy(&l, value, sizeof l);
    abort_ = l.l_onoff != 0 && l.l_linger == 0;
  }
  options_[{level, name}].assign(static_cast<const char*>(value), size);
  return 0;
}

int stream_socket::option(int level, int name, void* value, socklen_t* size) {
  int number = 0;
  std::string_view kept{reinterpret_cast<const char*>(&number), sizeof number};
  if (level == SOL_SOCKET && name == SO_ERROR) {
    number = take_error();
  } else if (level == SOL_SOCKET && name == SO_TYPE) {
    number = SOCK_STREAM;
  } else if (level == SOL_SOCKET && name == SO_ACCEPTCONN) {
    number = listening_ ? 1 : 0;
  } else if (const auto found = options_.find({level, name}); found != options_.end()) {
    kept = found->second;
  }
  const socklen_t given = std::min(*size, static_cast<socklen_t>(kept.size()));
  std::memcpy(value, kept.data(), given);
  *size = given;
  return 0;
}

}  // namespace coppice::detail
