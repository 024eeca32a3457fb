#include "connection.hpp"

#include "stream_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

namespace coppice::detail {

void connection::attach(int end, stream_socket& s) noexcept {
  ends_[end] = &s;
  conditions_[end] = &s.conditions();
}

bool connection::has_room(int end) const noexcept {
  const byte_stream& s = streams_[end];
  return !s.congested && s.available() + s.under_way < capacity;
}

void connection::tell(int end) {
  if (ends_[end] != nullptr) ends_[end]->something_happened();
}

void connection::later(duration when, void (*what)(connection&, int), int end) {
  in_.system().at(when, [self = shared_from_this(), what, end] { what(*self, end); });
}

// Nothing overtakes what was sent before, nor arrives with it: events of one time have no order.
duration connection::next_arrival(int writer) {
  byte_stream& s = streams_[writer];
  const duration in_order = s.latest + std::chrono::microseconds{1};
  s.latest = std::max(in_order, after_a_journey(writer));
  return s.latest;
}

duration connection::after_a_journey(int end) {
  return in_.system().now() + conditions_[end]->travel_time();
}

ssize_t connection::write(int end, std::span<const iovec> from) {
  byte_stream& s = streams_[end];
  if (reset_ || s.finished) return -EPIPE;
  if (!has_room(end)) {
    s.writer_waits = true;
    return -EAGAIN;
  }
  const std::size_t room = capacity - s.available() - s.under_way;
  std::string bytes;
  for (const iovec& piece : from) {
    const std::size_t taken = std::min(piece.iov_len, room - bytes.size());
    bytes.append(static_cast<const char*>(piece.iov_base), taken);
  }
  if (bytes.size() > 1 && conditions_[end]->is_write_short()) {
    bytes.resize(bytes.size() / 2);
    s.congested = s.writer_waits = true;
    later(after_a_journey(end), [](connection& c, int e) {
      c.streams_[e].congested = false;
      c.tell(e);
    }, end);
  }
  if (bytes.size() < size_of(from)) s.writer_waits = true;
  if (conditions_[end]->is_reset()) {
    later(after_a_journey(end), [](connection& c, int) { c.reset(); }, end);
  }
  const std::size_t all = bytes.size();
  s.under_way += all;
  for (std::size_t sent = 0; sent < all;) {
    const std::size_t size = conditions_[end]->piece_of(all - sent);
    std::string piece = size == all ? std::move(bytes) : bytes.substr(sent, size);
    in_.system().at(next_arrival(end),
                    [self = shared_from_this(), end, piece = std::move(piece)]() mutable {
                      self->arrive(end, std::move(piece));
                    });
    sent += size;
  }
  return static_cast<ssize_t>(all);
}

void connection::arrive(int writer, std::string piece) {
  if (reset_) return;
  byte_stream& s = streams_[writer];
  s.under_way -= piece.size();
  // Nobody is there to read it.
  if (ends_[1 - writer] == nullptr) return reset();
  if (s.read > 0) s.arrived.erase(0, std::exchange(s.read, 0));
  if (s.arrived.empty()) {
    s.arrived = std::move(piece);
  } else {
    s.arrived += piece;
  }
  tell(1 - writer);
}

ssize_t connection::read(int end, std::span<const iovec> into, bool peek) {
  byte_stream& s = streams_[1 - end];
  std::size_t given = 0;
  for (const iovec& piece : into) {
    const std::size_t size = std::min(piece.iov_len, s.available() - given);
    std::memcpy(piece.iov_base, s.arrived.data() + s.read + given, size);
    given += size;
  }
  if (!peek) s.read += given;
  if (given > 0) {
    if (!peek && has_room(1 - end) && std::exchange(s.writer_waits, false)) tell(1 - end);
    return static_cast<ssize_t>(given);
  }
  if (size_of(into) == 0 || s.end_arrived || reset_) return 0;
  return -EAGAIN;
}

void connection::finish(int end) {
  byte_stream& s = streams_[end];
  if (std::exchange(s.finished, true) || reset_) return;
  later(next_arrival(end), [](connection& c, int e) {
    c.streams_[e].end_arrived = true;
    c.tell(1 - e);
  }, end);
}

void connection::reset() {
  if (std::exchange(reset_, true)) return;
  for (const int end : {0, 1}) {
    if (ends_[end] != nullptr) ends_[end]->fail(ECONNRESET);
  }
}

void connection::leave(int end, bool abort) {
  ends_[end] = nullptr;
  if (reset_) return;
  // Bytes that have arrived and were never read are answered by a reset, as by TCP.
  if (abort || incoming(end).available() > 0) {
    later(after_a_journey(end), [](connection& c, int) { c.reset(); }, end);
  } else {
    finish(end);
  }
}

}  // namespace coppice::detail
