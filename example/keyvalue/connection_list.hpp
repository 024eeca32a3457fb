#pragma once

#include <coppice/executor.hpp>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <list>

namespace keyvalue {

using socket_type = boost::asio::basic_stream_socket<boost::asio::ip::tcp, coppice::executor>;

/// The connections that there are, for those who have to tell them something: whoever waits for a
/// client hears of nothing else.
///
/// @par Thread safety
/// Only on the loop's thread.
class connection_list {
 public:
  class entry;

  connection_list() = default;
  connection_list(const connection_list&) = delete;
  connection_list& operator=(const connection_list&) = delete;

  /// From now on each is to end when it has answered what it was sent. Those that wait for a client
  /// to ask for anything wait no more.
  void finish() noexcept;
  [[nodiscard]] bool is_finishing() const noexcept { return finishing_; }

  /// Those that there are end now, whatever they are doing: all that they wait for fails.
  void cut() noexcept;

 private:
  std::list<entry*> entries_;
  bool finishing_ = false;
};

/// One connection, as long as it lives.
class connection_list::entry {
 public:
  /// @param of, socket Outlive the entry.
  entry(connection_list& of, socket_type& socket)
      : of_{of}, socket_{socket}, place_{of.entries_.insert(of.entries_.end(), this)} {}
  entry(const entry&) = delete;
  entry& operator=(const entry&) = delete;
  ~entry() { of_.entries_.erase(place_); }

  /// It waits for its client, which has asked for nothing.
  void set_idle(bool idle) noexcept { idle_ = idle; }

 private:
  friend class connection_list;

  connection_list& of_;
  socket_type& socket_;
  std::list<entry*>::iterator place_;
  bool idle_ = false;
};

}  // namespace keyvalue
