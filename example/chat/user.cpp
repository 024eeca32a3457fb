#include "user.hpp"

#include "as_result.hpp"
#include "reader.hpp"
#include "rooms.hpp"

#include <coppice/child_policy.hpp>
#include <coppice/mailbox_options.hpp>
#include <coppice/process.hpp>
#include <coppice/server.hpp>
#include <coppice/server_ref.hpp>
#include <coppice/this_server.hpp>

#include <chrono>
#include <cstddef>
#include <utility>
#include <variant>

namespace chat {

namespace this_server = coppice::this_server;
using namespace std::chrono_literals;

namespace {

// So many lines may wait for a client. One who lets more of them wait is cut off.
constexpr std::size_t longest_queue = 256;

// For how long a room may be away, and how often somebody looks whether it is back.
constexpr auto longest_absence = 5s;
constexpr auto pause = 20ms;

std::string words(std::string text, const std::vector<std::string>& more) {
  for (const std::string& word : more) text.append(1, ' ').append(word);
  return text;
}

}  // namespace

user::user(std::shared_ptr<web_socket> socket, std::string room, options given)
    : socket_{std::move(socket)},
      name_of_room_{std::move(room)},
      given_{given},
      nick_{"guest" + std::to_string(coppice::self().number())} {}

void user::init() {
  reader_ = coppice::spawn_link(read_frames(socket_, coppice::self()), "reader");
  this_server::continue_with(*this, enter{});
}

coppice::task<> user::handle(enter) {
  auto coming = come_in();
  const bool is_in = co_await std::move(coming);
  if (!is_in) leave();
}

// Tries until it is in the room that has the name now.
coppice::task<bool> user::come_in() {
  const auto until = std::chrono::steady_clock::now() + longest_absence;
  while (true) {
    auto finding = find_room(name_of_room_, given_.room);
    room_ = co_await std::move(finding);
    if (room_) {
      const coppice::server_ref<room> to{room_};
      auto joining = to.call(room::join{coppice::self(), nick_, seen_}, coppice::infinity);
      const auto [failed, met] = co_await joining.result()(as_result);
      if (!failed) {
        this_server::monitor(room_);
        nick_ = met.nick;
        auto greeting = write("welcome " + nick_);
        co_await std::move(greeting);
        auto listing = write(words("here", met.people));
        co_await std::move(listing);
        for (const line& missed : met.missed) {
          auto catching_up = handle(missed);
          co_await std::move(catching_up);
        }
        co_return true;
      }
    }
    if (std::chrono::steady_clock::now() >= until) co_return false;
    co_await coppice::sleep_for(pause);
  }
}

// The room has crashed, or ended: its supervisor brings it back, or else a new one is started. What
// others say meanwhile is in its history, and what our client says waits.
coppice::task<> user::come_back() {
  auto telling = write("away");
  co_await std::move(telling);
  auto coming = come_in();
  const bool is_in = co_await std::move(coming);
  if (!is_in) co_return leave();
  auto greeting = write("back");
  co_await std::move(greeting);
}

coppice::task<> user::handle(coppice::down m) {
  if (m.process != room_) co_return;  // it has noticed before
  auto coming = come_back();
  co_await std::move(coming);
}

coppice::task<> user::handle(frame m) {
  auto obeying = std::visit([this](auto c) { return obey(std::move(c)); },
                            read_command(m.text, given_.faults));
  co_await std::move(obeying);
}

// The text is sent again until a room has taken it; one that has it already knows by the number.
coppice::task<> user::obey(command::say c) {
  ++said_;
  while (!is_away_) {
    const coppice::server_ref<room> to{room_};
    auto saying = to.call(room::say{coppice::self(), said_, c.text}, coppice::infinity);
    const auto [failed, taken] = co_await saying.result()(as_result);
    if (!failed && taken) co_return;
    auto coming = come_back();
    co_await std::move(coming);
  }
  auto refusing = write("refused the room is away, and has not got: " + c.text);
  co_await std::move(refusing);
}

coppice::task<> user::obey(command::nick c) {
  while (!is_away_) {
    const coppice::server_ref<room> to{room_};
    auto renaming = to.call(room::rename{coppice::self(), c.name}, coppice::infinity);
    const auto [failed, result] = co_await renaming.result()(as_result);
    if (!failed && result != room::renamed::stranger) {
      const bool done = result == room::renamed::done;
      if (done) nick_ = c.name;
      auto telling = write(done ? "welcome " + c.name : "refused somebody is called " + c.name);
      co_return co_await std::move(telling);
    }
    auto coming = come_back();
    co_await std::move(coming);
  }
}

coppice::task<> user::obey(command::who) {
  while (!is_away_) {
    const coppice::server_ref<room> to{room_};
    auto listing = to.call(room::list{}, coppice::infinity);
    const auto [failed, people] = co_await std::move(listing)(as_result);
    if (!failed) {
      auto telling = write(words("here", people));
      co_return co_await std::move(telling);
    }
    auto coming = come_back();
    co_await std::move(coming);
  }
}

coppice::task<> user::obey(command::crash) {
  coppice::server_ref<room>{room_}.cast(room::crash{});
  co_return;
}

coppice::task<> user::obey(command::unknown c) {
  auto refusing = write("refused " + c.why);
  co_await std::move(refusing);
}

// A line may come both from the room and with what was missed.
coppice::task<> user::handle(line m) {
  if (m.number != 0 && m.number <= seen_) co_return;
  auto writing = socket_->write(*m.text);
  const bool written = co_await std::move(writing);
  if (!written) co_return this_server::stop();
  if (m.number != 0) seen_ = m.number;
}

coppice::task<> user::write(std::string text) {
  auto writing = socket_->write(text);
  const bool written = co_await std::move(writing);
  if (!written) this_server::stop();
}

void user::handle(gone) { this_server::stop(); }

void user::leave() {
  is_away_ = true;
  this_server::stop();
}

// The reader goes on meanwhile, since it hears the client's answer to the close frame.
coppice::task<> user::terminate(const coppice::exit_reason& why) {
  if (why.is_shutdown() || is_away_) {
    auto closing =
        socket_->close(is_away_ ? close_code::try_again_later : close_code::going_away);
    co_await std::move(closing);
  }
  coppice::kill(reader_);
}

coppice::supervisor_spec make_user_supervisor(std::shared_ptr<web_socket> socket, std::string room,
                                              const options& given) {
  auto one = coppice::server_with<user>(
      {.mailbox = {.limit = longest_queue, .when_full = coppice::overflow::refuse}}, "",
      std::move(socket), std::move(room), given);
  // A client that does not answer the close frame within this time is cut off.
  return {.strategy = coppice::one_for_one,
          .auto_shutdown = coppice::auto_shutdown::any_significant,
          .children = {std::move(one)
                           .with_id("user")
                           .with_restart(coppice::temporary)
                           .with_significant()
                           .with_shutdown(2s)}};
}

}  // namespace chat
