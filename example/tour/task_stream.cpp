// A stream of tasks: something is done with every item of a range, so many at a time, each within
// its time; and what fails or takes too long is a result like others.

#include <coppice.hpp>

#include <algorithm>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

struct load {
  int running = 0;
  int most = 0;
};

// Stands for a download. The task of an item runs it as a process of its own.
boost::asio::awaitable<std::size_t> fetch(load& all, const std::string& page) {
  struct counted {
    load& of;
    explicit counted(load& l) : of{l} { of.most = std::max(of.most, ++of.running); }
    ~counted() { --of.running; }  // also if the task is killed
  } here{all};
  co_await coppice::sleep_for(10ms);
  if (page == "missing") throw std::runtime_error{"404"};
  if (page == "endless") co_await coppice::sleep_for(1h);
  co_return page.size();
}

coppice::task<> demo() {
  load all;
  const std::vector<std::string> pages{"index", "missing", "about", "endless", "contact", "terms"};
  const coppice::task_supervisor_ref tasks{"tasks"};
  auto fetch_one = [&all](const std::string& page) { return fetch(all, page); };

  // `nolink`: a task that crashes does not end this process. Results come in the order of the
  // items, unless `ordered` is false.
  auto sizes = tasks.async_stream_nolink(
      pages, fetch_one,
      {.max_concurrency = 3, .limit = 300ms, .on_timeout = coppice::stream_timeout::kill_task});
  for (const std::string& page : pages) {
    const auto size = co_await sizes.next();
    std::cout << page << ": ";
    if (size->has_value()) {
      std::cout << size->value() << " bytes" << std::endl;
    } else {
      std::cout << size->error() << std::endl;
    }
  }
  std::cout << "never more than " << all.most << " at a time, " << all.running << " left"
            << std::endl;
}

}  // namespace

int main() {
  return coppice::run(
      {.name = "crawler",
       .strategy = coppice::one_for_one,
       .auto_shutdown = coppice::auto_shutdown::any_significant,
       .children = {
           coppice::task_supervisor({.name = "tasks"}),
           coppice::worker("demo", demo).with_restart(coppice::transient).with_significant()}});
}
