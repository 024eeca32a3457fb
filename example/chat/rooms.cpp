#include "rooms.hpp"

#include "as_result.hpp"
#include "names.hpp"

#include <coppice/child_policy.hpp>
#include <coppice/name.hpp>
#include <coppice/server.hpp>
#include <coppice/supervisor.hpp>
#include <coppice/supervisor_ref.hpp>

#include <chrono>
#include <cstddef>
#include <utility>

namespace chat {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_rooms = 1000;

// Each room has a supervisor, and so a budget, of its own: one that cannot be kept alive is given
// up without harm to the others, and whoever is in it finds a new one. A room that ends since
// nobody is there takes its supervisor with it.
coppice::child_spec make_room(const std::string& name, const room_options& given) {
  auto process = coppice::server<room>(room_process_name(name), given)
                     .with_restart(coppice::transient)
                     .with_significant()
                     .with_progress_limit(5s);
  return coppice::supervisor({.name = room_supervisor_name(name),
                              .strategy = coppice::one_for_one,
                              .auto_shutdown = coppice::auto_shutdown::any_significant,
                              .children = {std::move(process)}})
      .with_restart(coppice::temporary);
}

}  // namespace

coppice::child_spec make_rooms() {
  return coppice::dynamic_supervisor({.name = rooms_name, .max_children = most_rooms});
}

coppice::task<coppice::pid> find_room(std::string name, room_options given) {
  // Of the supervisor, which has its name also between two incarnations of the room.
  if (!coppice::whereis(room_supervisor_name(name))) {
    const coppice::dynamic_supervisor_ref rooms{rooms_name};
    auto starting = rooms.start_child(make_room(name, given));
    auto up = starting.ready();
    // Somebody else may have been quicker: what counts is whether it is there now.
    co_await std::move(up)(as_result);
  }
  co_return coppice::whereis(room_process_name(name));
}

}  // namespace chat
