#include "room.hpp"

#include "user.hpp"

#include <coppice/process.hpp>
#include <coppice/server_ref.hpp>
#include <coppice/this_server.hpp>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace chat {

namespace {

line notice(std::string text) { return {0, std::make_shared<const std::string>(std::move(text))}; }

// Numbers begin with the time, in microseconds. So they go up also from a room to one that begins
// anew under its name, and a user never takes new lines for old ones.
std::uint64_t first_number() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

}  // namespace

room::room(const room_options& given)
    : idle_{given.idle}, now_{history{given.history, first_number()}, {}} {}

room::welcome room::handle(join m) {
  const member* known = find(m.who);
  if (known == nullptr) {
    while (has(m.nick)) m.nick += '_';
    tell_all(notice("joined " + m.nick));
    now_.members.push_back({m.who, std::move(m.nick)});
    coppice::this_server::monitor(m.who);
    known = &now_.members.back();
  }
  return {known->nick, people(), now_.said.after(m.seen)};
}

bool room::handle(const say& m) {
  member* const author = find(m.who);
  rest();
  if (author == nullptr) return false;
  if (m.number > author->said) {
    author->said = m.number;
    tell_all(now_.said.add(author->nick, m.text));
  }
  return true;
}

room::renamed room::handle(const rename& m) {
  member* const known = find(m.who);
  rest();
  if (known == nullptr) return renamed::stranger;
  if (known->nick == m.nick) return renamed::done;
  if (has(m.nick)) return renamed::taken;
  tell_all(notice("renamed " + known->nick + ' ' + m.nick));
  known->nick = m.nick;
  return renamed::done;
}

void room::handle(crash) { throw std::runtime_error{"somebody asked for a crash"}; }

void room::handle(const coppice::down& m) {
  const auto gone = std::ranges::find(now_.members, m.process, &member::who);
  if (gone != now_.members.end()) {
    const line left = notice("left " + gone->nick);
    now_.members.erase(gone);
    tell_all(left);
  }
  rest();
}

void room::handle(coppice::idle_timeout) {
  if (now_.members.empty()) coppice::this_server::stop();
}

// Those who have gone in between are told of by their monitors at once.
void room::restore(kept before) {
  now_ = std::move(before);
  for (const member& m : now_.members) coppice::this_server::monitor(m.who);
}

room::member* room::find(const coppice::pid& who) {
  const auto found = std::ranges::find(now_.members, who, &member::who);
  return found == now_.members.end() ? nullptr : &*found;
}

bool room::has(std::string_view nick) const {
  return std::ranges::find(now_.members, nick, &member::nick) != now_.members.end();
}

std::vector<std::string> room::people() const {
  std::vector<std::string> result;
  for (const member& m : now_.members) result.push_back(m.nick);
  return result;
}

// Waits for nobody. A user whose queue is full reads too slowly, and is cut off: killed, since it
// is stuck in a write, and could not hear anything milder.
void room::tell_all(const line& what) const {
  for (const member& m : now_.members) {
    const coppice::server_ref<user> to{m.who};
    if (to.cast(what) == coppice::send_result::refused) coppice::kill(m.who);
  }
}

// An empty room waits for so long for somebody to come.
void room::rest() const {
  if (now_.members.empty()) coppice::this_server::idle_after(idle_);
}

}  // namespace chat
