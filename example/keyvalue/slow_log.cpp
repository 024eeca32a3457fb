#include "slow_log.hpp"

#include <algorithm>
#include <utility>

namespace keyvalue {

void slow_log::add(slow_command command) {
  command.number = next_number_++;
  commands_.push_front(std::move(command));
  if (commands_.size() > most) commands_.pop_back();
}

slow_log_answer slow_log::answer(const slow_log_query& query) {
  const auto first = commands_.begin();
  switch (query.what) {
    case slow_log_query::kind::get: {
      const std::size_t count = std::min(query.most, commands_.size());
      return std::vector(first, first + static_cast<std::ptrdiff_t>(count));
    }
    case slow_log_query::kind::length: return commands_.size();
    case slow_log_query::kind::reset: break;
  }
  commands_.clear();
  return {};
}

}  // namespace keyvalue
