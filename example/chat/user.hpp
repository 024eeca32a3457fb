#pragma once

#include "commands.hpp"
#include "history.hpp"
#include "options.hpp"
#include "room.hpp"
#include "web_socket.hpp"

#include <coppice/down.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>
#include <coppice/supervisor_spec.hpp>
#include <coppice/task.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace chat {

/// A client in a room: writes to its WebSocket what the room tells, asks the room for what the
/// client says, and comes in again when the room has crashed.
///
/// Its queue is bounded. While it waits for a slow client, or for the room, lines wait there.
class user {
 public:
  /// What the client has sent. It sends on when this has been answered, and so waits with the user.
  struct frame {
    using reply = void;
    std::string text;
  };
  struct enter {};  ///< The first thing to do.
  struct gone {};   ///< The client sends no more.

  user(std::shared_ptr<web_socket> socket, std::string room, options given);

  void init();
  coppice::task<> handle(enter);
  coppice::task<> handle(frame m);
  coppice::task<> handle(line m);
  coppice::task<> handle(coppice::down m);
  void handle(gone);
  coppice::task<> terminate(const coppice::exit_reason& why);

 private:
  coppice::task<bool> come_in();
  coppice::task<> come_back();
  coppice::task<> write(std::string text);
  void leave();

  coppice::task<> obey(command::say c);
  coppice::task<> obey(command::nick c);
  coppice::task<> obey(command::who c);
  coppice::task<> obey(command::crash c);
  coppice::task<> obey(command::unknown c);

  std::shared_ptr<web_socket> socket_;
  std::string name_of_room_;
  options given_;
  coppice::pid reader_{};
  coppice::pid room_{};
  std::string nick_;
  std::uint64_t seen_ = 0;  // the highest number of a line that was written
  std::uint64_t said_ = 0;  // counts what the client says
  bool is_away_ = false;    // the room has not come back in time
};

/// The supervisor of a user: what the process of a connection becomes. It ends when the user does.
[[nodiscard]] coppice::supervisor_spec make_user_supervisor(std::shared_ptr<web_socket> socket,
                                                            std::string room,
                                                            const options& given);

}  // namespace chat
