#pragma once

#include "user_interface.hpp"

#include <coppice/pid.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace sequence {

/// What is to be seen of one process of a tree, and of those below it.
struct process_view {
  enum class kind_type : unsigned char { supervisor, server, worker };

  std::string id{};
  kind_type kind = kind_type::worker;
  std::string process{};  ///< Its pid, or why there is none.
  std::size_t restarts = 0;
  std::optional<std::size_t> queue{};  ///< How many messages wait. Of servers.
  std::string state{};                 ///< The same.
  std::vector<process_view> children{};
};

/// Looks at a supervisor and all that it supervises.
[[nodiscard]] boost::asio::awaitable<process_view> look_at(coppice::pid supervisor);

/// A table with a line for each process.
[[nodiscard]] std::string draw(const process_view& tree);

/// Shows the tree: every second until a key is pressed, or once if there is no screen.
[[nodiscard]] boost::asio::awaitable<void> observe(user_interface& ui);

}  // namespace sequence
