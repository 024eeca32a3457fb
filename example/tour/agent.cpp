// An agent: a state in a process of its own, and functions that are run on it there, one at a time.
// Nobody else can touch the state: nothing has to be locked, and no change is seen half done.

#include <coppice.hpp>

#include <boost/system/system_error.hpp>

#include <iostream>
#include <map>
#include <string>

namespace {

using stock = std::map<std::string, int>;

stock opening_stock() { return {{"coffee", 5}, {"tea", 3}}; }

// Takes so many, or as many as there are; returns how many it has taken.
int take(stock& all, const std::string& item, int wanted) {
  int& left = all[item];
  const int taken = wanted < left ? wanted : left;
  left -= taken;
  return taken;
}

coppice::task<> customers() {
  const coppice::agent_ref<stock> shelf{"shelf"};

  // Each call is made first and awaited in the next line: with g++ 12 no lambda that captures
  // something stands in an awaited expression.
  auto buying = shelf.get_and_update([](stock& all) { return take(all, "tea", 2); });
  const int bought = co_await buying.result();
  std::cout << "bought " << bought << " tea" << std::endl;
  auto buying_more = shelf.get_and_update([](stock& all) { return take(all, "tea", 2); });
  const int more = co_await buying_more.result();
  std::cout << "wanted 2 more, and got " << more << std::endl;

  shelf.cast([](stock& all) { all["cocoa"] = 7; });  // nobody waits for a cast ...
  auto looking = shelf.get([](const stock& all) { return all; });
  const stock all = co_await looking.result();  // ... but messages keep their order
  for (const auto& [item, count] : all) std::cout << "  " << item << ": " << count << std::endl;

  // A function that throws ends the agent. Whoever has called is told how it ended, and the
  // supervisor starts a new one, with the state that it begins with.
  auto asking = shelf.get([](const stock& s) { return s.at("milk"); });
  try {
    const int milk = co_await asking.result();
    std::cout << "milk: " << milk << std::endl;
  } catch (const boost::system::system_error& e) {
    if (e.code() != coppice::errc::died) throw;
    std::cout << "milk: " << e.code().message() << std::endl;
  }
  // A supervisor answers when the restart that is under way is done.
  const coppice::supervisor_ref shop{"shop"};
  const coppice::child_entry entry = co_await shop.which_child("shelf");
  std::cout << "restarted " << entry.restarts << " time" << std::endl;
  auto counting = shelf.get([](const stock& s) { return s.at("tea"); });
  const int tea = co_await counting.result();
  std::cout << "tea: " << tea << std::endl;
}

}  // namespace

int main() {
  return coppice::run({.name = "shop",
                       .strategy = coppice::one_for_one,
                       .auto_shutdown = coppice::auto_shutdown::any_significant,
                       .children = {coppice::agent<stock>("shelf", opening_stock),
                                    coppice::worker("customers", customers)
                                        .with_restart(coppice::transient)
                                        .with_significant()}});
}
