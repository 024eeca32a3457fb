#include "requests.hpp"

#include "database.hpp"

#include <coppice/server_call.hpp>
#include <coppice/server_ref.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <cstdint>
#include <map>
#include <sstream>
#include <string_view>
#include <utility>

namespace orders {

namespace asio = boost::asio;

namespace {

constexpr auto as_result = asio::as_tuple(asio::deferred);

const std::map<std::string_view, int> prices{{"coffee", 3}, {"milk", 1}, {"tea", 2}};

// There was nobody to call, or the server has ended before it had answered: it is all the same to a
// client. But if the session is to stop, it does.
std::string unavailable(const boost::system::error_code& failed) {
  if (failed == asio::error::operation_aborted) throw boost::system::system_error{failed};
  return "unavailable, try again";
}

std::string price(const std::string& item) {
  const auto found = prices.find(item);
  return found != prices.end() ? std::to_string(found->second) : "no such item";
}

// Nothing that clients say makes the database refuse a statement: that would end the server that
// they all share.
asio::awaitable<std::string> order(std::int64_t number, std::string item) {
  if (!prices.contains(item)) co_return "no such item";
  const coppice::server_ref<database> server{database_name};
  auto asking = server.call<database::take_order>(number, std::move(item));
  const auto [failed, kept] = co_await std::move(asking)(as_result);
  co_return failed ? unavailable(failed) : kept;
}

asio::awaitable<std::string> show(std::int64_t number) {
  const coppice::server_ref<database> server{database_name};
  auto asking = server.call<database::find_order>(number);
  const auto [failed, kept] = co_await std::move(asking)(as_result);
  co_return failed ? unavailable(failed) : kept.value_or("no such order");
}

}  // namespace

asio::awaitable<std::string> answer(std::string line) {
  std::istringstream words{std::move(line)};
  std::string what;
  std::string item;
  std::int64_t number = 0;
  words >> what;
  if (what == "price" && words >> item) co_return price(item);
  if (what == "order" && words >> number >> item) co_return co_await order(number, std::move(item));
  if (what == "show" && words >> number) co_return co_await show(number);
  co_return "price ITEM, order NUMBER ITEM, or show NUMBER";
}

}  // namespace orders
