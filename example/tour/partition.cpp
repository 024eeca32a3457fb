// A partition supervisor: so many copies of one server, among which work is divided by key. Each
// key always finds the same copy, and one that crashes takes along its own keys only.

#include <coppice.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

#include <cstddef>
#include <iostream>
#include <map>
#include <stdexcept>

namespace asio = boost::asio;

namespace {

constexpr std::size_t partitions = 4;

// Counts the visits of the users that belong to its partition.
class visits {
 public:
  struct visit {
    using reply = int;
    int user;
  };

  int handle(visit m) {
    if (m.user < 0) throw std::invalid_argument{"no such user"};
    return ++visits_[m.user];
  }

 private:
  std::map<int, int> visits_;
};

// Asks anew for the partition each time: after a restart it is another process.
coppice::task<> visit(int user) {
  const coppice::server_ref<visits> mine{coppice::partition("visits", user)};
  const auto [failed, count] =
      co_await mine.call(visits::visit{user})(asio::as_tuple(asio::deferred));
  std::cout << "user " << user << ", partition " << coppice::partition_index(user, partitions)
            << ": ";
  if (failed) {
    std::cout << failed.message() << std::endl;
  } else {
    std::cout << "visit " << count << std::endl;
  }
}

coppice::task<> demo() {
  for (const int user : {1, 2, 3, 5, 1, 5}) co_await visit(user);
  std::cout << "partition 1 crashes:" << std::endl;
  co_await visit(-1);
  // A supervisor answers when the restart that is under way is done.
  const coppice::partition_supervisor_ref all{"visits"};
  const coppice::child_entry restarted = co_await all.which_child(1);
  std::cout << "partition " << restarted.id << " is back" << std::endl;
  for (const int user : {1, 2, 3, 5}) co_await visit(user);
}

}  // namespace

int main() {
  return coppice::run(
      {.name = "site",
       .strategy = coppice::one_for_one,
       .auto_shutdown = coppice::auto_shutdown::any_significant,
       .children = {
           coppice::partition_supervisor(
               {.name = "visits",
                .child = coppice::server<visits>(""),  // no name: there are four of it
                .partitions = partitions}),
           coppice::worker("demo", demo).with_restart(coppice::transient).with_significant()}});
}
