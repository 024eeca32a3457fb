#include "slow_log_client.hpp"

#include "slow_log_server.hpp"

#include <coppice/server_call.hpp>
#include <coppice/server_ref.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <sstream>
#include <string>
#include <utility>

namespace keyvalue {

namespace asio = boost::asio;

namespace {

// As "127.0.0.1:4000"; empty if the client is there no more.
std::string address_of(const socket_type& socket) {
  boost::system::error_code gone;
  const auto endpoint = socket.remote_endpoint(gone);
  if (gone) return {};
  std::ostringstream text;
  text << endpoint;
  return text.str();
}

}  // namespace

void tell_slow_log(std::vector<slow_command> commands, const socket_type& from) {
  const coppice::server_ref<slow_log_server> log{slow_log_name};
  const std::string address = address_of(from);
  for (slow_command& c : commands) {
    c.address = address;
    log.cast<slow_log_server::note>(std::move(c));
  }
}

asio::awaitable<void, coppice::executor> ask_slow_log(session& client) {
  using namespace std::chrono_literals;
  const coppice::server_ref<slow_log_server> log{slow_log_name};
  const slow_log_server::ask question{client.query()};
  auto asking = log.call(question, 1s);
  const auto [failed, answer] = co_await std::move(asking)(asio::as_tuple(asio::deferred));
  if (failed == asio::error::operation_aborted) throw boost::system::system_error{failed};
  if (failed) {
    client.no_answer();
  } else {
    client.answer(answer);
  }
}

}  // namespace keyvalue
