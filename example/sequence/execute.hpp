#pragma once

#include "commands.hpp"
#include "sequence_ref.hpp"
#include "user_interface.hpp"

#include <boost/asio/awaitable.hpp>

namespace sequence {

/// Does what a command says and prints what comes of it.
///
/// @return False if the console is to end.
[[nodiscard]] boost::asio::awaitable<bool> execute(command what, user_interface& ui,
                                                   sequence_ref numbers);

}  // namespace sequence
