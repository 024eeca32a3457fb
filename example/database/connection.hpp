#pragma once

#include <coppice/exit_reason.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/system/error_code.hpp>

#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace orders {

/// The database cannot be reached, does not answer, or has gone.
///
/// That is to be expected now and then. So it is the exit reason `shutdown`, with a note: a server
/// that ends by it has not crashed, and only its supervisor tells of it.
struct unreachable : coppice::exit_exception {
  explicit unreachable(std::string_view why)
      : exit_exception{coppice::exit_reason::shutdown(why)} {}
};

/// One connection to PostgreSQL, through libpq's asynchronous interface: the process waits for the
/// socket, and all others go on. No wait is longer than `patience` in all.
///
/// One thing does hold up everybody: libpq resolves the names of hosts by itself. So give it an
/// address (`hostaddr=`) or the folder of a socket.
class connection {
 public:
  /// @param where As libpq has it, "host=/run/postgresql dbname=orders" for one.
  connection(const boost::asio::any_io_executor& executor, const std::string& where,
             std::chrono::steady_clock::duration patience);

  /// @throws unreachable, with libpq's words.
  boost::asio::awaitable<void> connect();

  /// Executes a statement, with values for its `$1`, `$2` and so on. One at a time.
  ///
  /// @return The first value of the first row, if there is a row.
  /// @throws unreachable
  /// @throws std::runtime_error if the database refuses to execute it.
  boost::asio::awaitable<std::optional<std::string>> execute(const char* statement,
                                                             std::vector<std::string> values = {});

  /// Calls `heard()` when there is something to `take_in()`, once.
  template <class F>
  void when_heard(F heard) {
    socket_.async_wait(socket_.wait_read,
                       [heard = std::move(heard)](const boost::system::error_code& failed) {
                         if (!failed) heard();
                       });
  }

  /// Takes in what the database says unasked. As a rule it says that only when it leaves.
  ///
  /// @throws unreachable if it has left.
  void take_in();

 private:
  using clock = std::chrono::steady_clock;
  using descriptor = boost::asio::posix::stream_descriptor;

  struct closes {
    void operator()(PGconn* c) const noexcept { PQfinish(c); }
  };

  void follow_socket();
  boost::asio::awaitable<void> until(descriptor::wait_type ready, clock::time_point deadline);
  [[noreturn]] void fail() const;

  std::unique_ptr<PGconn, closes> link_;
  descriptor socket_;
  clock::duration patience_;
};

}  // namespace orders
