#include "connection.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>

#include <unistd.h>

#include <cerrno>
#include <stdexcept>

namespace orders {

namespace asio = boost::asio;

namespace {

struct clears {
  void operator()(PGresult* r) const noexcept { PQclear(r); }
};
using result = std::unique_ptr<PGresult, clears>;

bool is_good(const result& r) {
  const ExecStatusType status = PQresultStatus(r.get());
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

// Of the lines that libpq says, the first tells what has happened.
std::string first_line(std::string_view text) {
  return std::string{text.substr(0, text.find('\n'))};
}

// What libpq would print otherwise.
void ignore_notice(void*, const char*) {}

}  // namespace

connection::connection(const asio::any_io_executor& executor, const std::string& where,
                       clock::duration patience)
    : link_{PQconnectStart(where.c_str())}, socket_{executor}, patience_{patience} {
  PQsetNoticeProcessor(link_.get(), &ignore_notice, nullptr);
}

asio::awaitable<void> connection::connect() {
  const auto deadline = clock::now() + patience_;
  if (PQstatus(link_.get()) == CONNECTION_BAD) fail();
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    follow_socket();
    const bool reads = next == PGRES_POLLING_READING;
    co_await until(reads ? descriptor::wait_read : descriptor::wait_write, deadline);
    next = PQconnectPoll(link_.get());
    if (next == PGRES_POLLING_FAILED) fail();
  }
  follow_socket();
}

asio::awaitable<std::optional<std::string>> connection::execute(const char* statement,
                                                                std::vector<std::string> values) {
  const auto deadline = clock::now() + patience_;
  std::vector<const char*> texts;
  for (const std::string& value : values) texts.push_back(value.c_str());
  // This does not wait for the socket: what is sent is short, and all before it was answered.
  const int count = static_cast<int>(texts.size());
  const int sent =
      PQsendQueryParams(link_.get(), statement, count, nullptr, texts.data(), nullptr, nullptr, 0);
  if (sent == 0) fail();

  std::optional<std::string> value;
  std::string refusal;
  while (true) {
    while (PQisBusy(link_.get()) != 0) {
      co_await until(descriptor::wait_read, deadline);
      take_in();
    }
    const result r{PQgetResult(link_.get())};
    if (!r) break;
    if (!is_good(r)) refusal = first_line(PQresultErrorMessage(r.get()));
    if (PQntuples(r.get()) > 0) value = PQgetvalue(r.get(), 0, 0);
  }
  if (!refusal.empty()) throw std::runtime_error{refusal};
  co_return value;
}

void connection::take_in() {
  if (PQconsumeInput(link_.get()) == 0) fail();
}

// Asio closes what it waits for, and libpq what it has opened: so each has a descriptor of its own.
// While libpq connects, it may go from one socket to the next.
void connection::follow_socket() {
  const int copy = ::dup(PQsocket(link_.get()));
  if (copy < 0) throw boost::system::system_error{errno, boost::system::system_category(), "dup"};
  if (socket_.is_open()) socket_.close();
  socket_.assign(copy);
}

asio::awaitable<void> connection::until(descriptor::wait_type ready, clock::time_point deadline) {
  asio::steady_timer timer{socket_.get_executor(), deadline};
  auto becomes_ready = socket_.async_wait(ready, asio::deferred);
  auto is_late = timer.async_wait(asio::deferred);
  auto both = asio::experimental::make_parallel_group(std::move(becomes_ready), std::move(is_late));
  auto waiting = both.async_wait(asio::experimental::wait_for_one(), asio::deferred);
  const auto [order, failed, ignored] = co_await std::move(waiting);
  if (order[0] == 1) throw unreachable{"the database does not answer"};
  if (failed) throw boost::system::system_error{failed};
}

void connection::fail() const { throw unreachable{first_line(PQerrorMessage(link_.get()))}; }

}  // namespace orders
