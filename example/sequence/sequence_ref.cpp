#include "sequence_ref.hpp"

#include "sequence_server.hpp"
#include "tree.hpp"

#include <coppice/error.hpp>
#include <coppice/server.hpp>

#include <boost/system/system_error.hpp>

namespace sequence {

namespace asio = boost::asio;

namespace {

// A reference names the class of its server. There are two, which take the same messages.
template <class Server>
struct as {
  static coppice::server_ref<Server> server() { return {server_name}; }

  static asio::awaitable<long long> next_number() {
    auto asking = server().call(sequence_server::next_number{});
    co_return co_await std::move(asking);
  }
  static asio::awaitable<void> catch_up() {
    auto waiting = server().ready();
    co_await std::move(waiting);
  }
};
using plain = as<sequence_server>;
using stashed = as<stashed_sequence_server>;

}  // namespace

asio::awaitable<long long> sequence_ref::next_number() const {
  return stashed_ ? stashed::next_number() : plain::next_number();
}

void sequence_ref::increment_number(const term& delta) const {
  const sequence_server::increment_number message{delta};
  if (stashed_) {
    stashed::server().cast(message);
  } else {
    plain::server().cast(message);
  }
}

asio::awaitable<bool> sequence_ref::has_caught_up() const {
  auto waiting = stashed_ ? stashed::catch_up() : plain::catch_up();
  try {
    co_await std::move(waiting);
  } catch (const boost::system::system_error& e) {
    if (e.code() != coppice::errc::died && e.code() != coppice::errc::noproc) throw;
    co_return false;
  }
  co_return true;
}

}  // namespace sequence
