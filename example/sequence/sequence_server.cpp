#include "sequence_server.hpp"

#include <stdexcept>
#include <utility>

namespace sequence {

namespace {

// In the words of Elixir.
long long sum(long long number, const term& delta) {
  long long result = 0;
  const long long* const amount = std::get_if<long long>(&delta);
  if (amount == nullptr) {
    throw std::invalid_argument{"bad argument in arithmetic expression: " + std::to_string(number) +
                                " + " + to_text(delta)};
  }
  if (__builtin_add_overflow(number, *amount, &result)) {
    throw std::overflow_error{"too large a number: " + std::to_string(number) + " + " +
                              to_text(delta)};
  }
  return result;
}

}  // namespace

long long sequence_server::handle(next_number) {
  return std::exchange(current_, sum(current_, 1LL));
}

void sequence_server::handle(const increment_number& message) {
  current_ = sum(current_, message.delta);
}

}  // namespace sequence
