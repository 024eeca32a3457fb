// Registries: processes under keys of any type. In a unique one a key belongs to one process, which
// `via` finds at the moment of use; in a duplicate one any number has it, and all are told.

#include <coppice.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>

#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>

namespace asio = boost::asio;

namespace {

using desks = coppice::unique_registry<std::string>;
using topics = coppice::duplicate_registry<std::string, std::string>;

// The clerk of a city: found by that, whichever process it is just now.
class clerk {
 public:
  struct ask {
    using reply = std::string;
    std::string question;
  };
  struct news {
    std::string text;
  };

  clerk(desks where, topics all, std::string city, std::string topic) : city_{std::move(city)} {
    if (!where.register_self(city_)) throw std::logic_error{"two clerks in " + city_};
    all.register_self(topic, city_);
  }

  std::string handle(const ask& m) {
    if (m.question.empty()) throw std::invalid_argument{"a question without words"};
    return city_ + " says: " + m.question + "? I will look it up.";
  }
  void handle(const news& m) { std::cout << city_ << " hears of " << m.text << std::endl; }

 private:
  std::string city_;
};

coppice::task<> demo(desks where, topics all) {
  const coppice::server_ref<clerk> oslo{where.via("Oslo")};
  auto asking = oslo.call<clerk::ask>("rain");
  const std::string answer = co_await std::move(asking);
  std::cout << answer << std::endl;

  // Whoever is registered under the topic gets a message. Entries of processes that have ended are
  // gone before anybody hears of it, so nobody is sent to in vain.
  all.dispatch("weather", [](const auto& entries) {
    std::cout << entries.size() << " clerks care for weather" << std::endl;
    for (const auto& entry : entries) {
      coppice::server_ref<clerk>{entry.process}.cast<clerk::news>("a storm");
    }
  });

  // The clerk crashes of this, and comes back as another process: the reference leads there.
  const coppice::pid before = where.whereis("Oslo");
  auto crashing = oslo.call<clerk::ask>("");
  try {
    co_await std::move(crashing);
  } catch (const boost::system::system_error& e) {
    std::cout << "Oslo: " << e.code().message() << std::endl;
  }
  const coppice::supervisor_ref office{"office"};
  co_await office.which_child("oslo");  // answered when the restart under way is done
  auto asking_again = oslo.call<clerk::ask>("snow");
  const std::string next_answer = co_await std::move(asking_again);
  std::cout << next_answer << std::endl;
  std::cout << "the same process: " << (where.whereis("Oslo") == before ? "yes" : "no") << "\n"
            << "anybody in Rome: " << (where.lookup("Rome") ? "yes" : "no") << std::endl;
}

}  // namespace

int main() {
  asio::io_context io{1};
  const desks where{io};
  const topics all{io};
  auto body = [where, all] { return demo(where, all); };
  return coppice::run(
      io, {.name = "office",
           .strategy = coppice::one_for_one,
           .auto_shutdown = coppice::auto_shutdown::any_significant,
           .children = {coppice::server<clerk>("", where, all, "Oslo", "weather").with_id("oslo"),
                        coppice::server<clerk>("", where, all, "Lima", "weather").with_id("lima"),
                        coppice::server<clerk>("", where, all, "Pune", "cricket").with_id("pune"),
                        coppice::worker("demo", std::move(body))
                            .with_restart(coppice::transient)
                            .with_significant()}});
}
