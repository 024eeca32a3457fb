#pragma once

#include "network.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <sys/uio.h>

namespace coppice::detail {

class stream_socket;

// One direction of a connection.
struct byte_stream {
  std::string arrived;
  std::size_t read = 0;         // of `arrived`
  std::size_t under_way = 0;
  duration latest{};            // when the last of what is under way arrives
  bool finished = false;        // nothing more will be written
  bool end_arrived = false;     // and the reader knows
  bool congested = false;       // takes nothing at the moment
  bool writer_waits = false;    // it was full when somebody wanted to write

  [[nodiscard]] std::size_t available() const noexcept { return arrived.size() - read; }
};

// A connection of two sockets, as TCP makes it. Bytes arrive in order, in pieces, each after its
// time.
class connection : public std::enable_shared_from_this<connection> {
 public:
  explicit connection(network& n) noexcept : in_{n} {}

  // The first end is that of the client.
  void attach(int end, stream_socket& s) noexcept;
  // That end has been closed; `abort`: at once, with whatever is under way.
  void leave(int end, bool abort);

  ssize_t write(int end, std::span<const iovec> from);
  ssize_t read(int end, std::span<const iovec> into, bool peek);
  // Nothing more will be written there.
  void finish(int end);
  void reset();

  [[nodiscard]] bool is_reset() const noexcept { return reset_; }
  // The bytes that this end writes.
  [[nodiscard]] const byte_stream& outgoing(int end) const noexcept { return streams_[end]; }
  [[nodiscard]] const byte_stream& incoming(int end) const noexcept { return streams_[1 - end]; }
  [[nodiscard]] bool has_room(int end) const noexcept;

 private:
  static constexpr std::size_t capacity = 64 * 1024;

  void arrive(int writer, std::string piece);
  void tell(int end);
  void later(duration when, void (*what)(connection&, int), int end);
  duration next_arrival(int writer);
  // A moment that is as far away as what this end sends travels.
  duration after_a_journey(int end);

  network& in_;
  byte_stream streams_[2];
  stream_socket* ends_[2]{};            // null when they have been closed
  socket_conditions* conditions_[2]{};  // of what the ends send
  bool reset_ = false;
};

}  // namespace coppice::detail
