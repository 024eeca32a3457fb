#include "database.hpp"

#include <coppice/name.hpp>
#include <coppice/process.hpp>
#include <coppice/server_ref.hpp>
#include <coppice/this_server.hpp>

#include <boost/asio/this_coro.hpp>

#include <utility>

namespace orders {

namespace asio = boost::asio;

// When this has returned the start has succeeded, and connecting is the first thing to do.
void database::init() { coppice::this_server::continue_with(*this, connect{}); }

asio::awaitable<void> database::handle(connect) {
  const auto executor = co_await asio::this_coro::executor;
  connection_.emplace(executor, where_, patience_);
  co_await connection_->connect();
  auto creating = connection_->execute(
      "create table if not exists orders (number bigint primary key, item text not null)");
  co_await std::move(creating);
  coppice::register_name(database_name);
  listen();
}

// A number that is known keeps its item. So whoever has had no answer may send the order again.
asio::awaitable<std::string> database::handle(take_order m) {
  auto inserting = connection_->execute(
      "insert into orders (number, item) values ($1, $2) "
      "on conflict (number) do update set number = orders.number returning item",
      {std::to_string(m.number), m.item});
  const auto item = co_await std::move(inserting);
  co_return item.value();
}

asio::awaitable<std::optional<std::string>> database::handle(find_order m) {
  auto selecting =
      connection_->execute("select item from orders where number = $1", {std::to_string(m.number)});
  co_return co_await std::move(selecting);
}

// Hears of the end of the connection also while nobody asks for anything. What comes from the
// socket is a message to the server, as it is from an active socket in Erlang.
void database::listen() {
  connection_->when_heard(
      [self = coppice::self()] { coppice::server_ref<database>{self}.cast(heard{}); });
}

void database::handle(heard) {
  connection_->take_in();
  listen();
}

}  // namespace orders
