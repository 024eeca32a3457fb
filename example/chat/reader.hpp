#pragma once

#include "web_socket.hpp"

#include <coppice/pid.hpp>
#include <coppice/task.hpp>

#include <memory>

namespace chat {

/// The process that reads what a client sends, and hands it to the user, one frame at a time: it
/// reads on when the user has dealt with that. So a client cannot flood anybody.
coppice::task<> read_frames(std::shared_ptr<web_socket> socket, coppice::pid to);

}  // namespace chat
