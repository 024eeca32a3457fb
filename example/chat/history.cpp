#include "history.hpp"

#include <algorithm>

namespace chat {

line history::add(std::string_view nick, std::string_view text) {
  std::string all = "said " + std::to_string(next_) + ' ';
  all.append(nick).append(1, ' ').append(text);
  line said{next_++, std::make_shared<const std::string>(std::move(all))};
  if (most_ > 0) {
    if (lines_.size() == most_) lines_.pop_front();
    lines_.push_back(said);
  }
  return said;
}

std::vector<line> history::after(std::uint64_t number) const {
  const auto first = std::ranges::upper_bound(lines_, number, {}, &line::number);
  return {first, lines_.end()};
}

}  // namespace chat
