#include <coppice.hpp>
#include <coppice/sqlite_stash.hpp>

#include <iostream>

namespace {

boost::asio::awaitable<void> keep() {
  const coppice::sqlite_stash_ref<int> kept{"stash"};
  auto putting = kept.put("answer", 42);
  co_await std::move(putting);
  auto getting = kept.get("answer");
  const auto answer = co_await std::move(getting);
  if (answer) std::cout << "the stash has " << *answer << '\n';
}

}  // namespace

int main() {
  return coppice::run(
      {.strategy = coppice::one_for_one,
       .auto_shutdown = coppice::auto_shutdown::any_significant,
       .children = {
           coppice::sqlite_stash("stash"),
           coppice::worker("keep", keep).with_restart(coppice::temporary).with_significant()}});
}
