#include "store.hpp"

#include <charconv>
#include <limits>
#include <system_error>

namespace keyvalue {

const std::string* store::find(std::string_view key) {
  const auto it = look_up(key);
  return it == values_.end() ? nullptr : &it->second.value;
}

void store::set(std::string_view key, std::string_view value,
                std::optional<clock::duration> lifetime) {
  auto it = values_.find(key);
  if (it == values_.end()) {
    it = values_.emplace(std::string{key}, entry{std::string{value}, {}}).first;
  } else {
    it->second.value.assign(value);
  }
  entry& e = it->second;
  if (e.ends) {
    lifetimes_.erase(*e.ends);
    e.ends.reset();
  }
  if (lifetime) e.ends = lifetimes_.emplace(now_() + *lifetime, &it->first);
}

std::optional<std::size_t> store::append(std::string_view key, std::string_view tail) {
  if (const auto it = look_up(key); it != values_.end()) {
    std::string& value = it->second.value;
    if (tail.size() > max_value_size - value.size()) return std::nullopt;
    value.append(tail);
    return value.size();
  }
  set(key, tail);
  return tail.size();
}

store::add_result store::add(std::string_view key, std::int64_t amount, std::int64_t& sum) {
  const auto it = look_up(key);
  std::int64_t before = 0;
  if (it != values_.end()) {
    const auto number = to_integer(it->second.value);
    if (!number) return add_result::not_an_integer;
    before = *number;
  }
  if (amount > 0 ? before > std::numeric_limits<std::int64_t>::max() - amount
                 : before < std::numeric_limits<std::int64_t>::min() - amount) {
    return add_result::overflow;
  }
  sum = before + amount;
  char text[24];
  const auto end = std::to_chars(text, text + sizeof text, sum).ptr;
  const std::string_view digits{text, static_cast<std::size_t>(end - text)};
  if (it != values_.end()) {
    it->second.value.assign(digits);
  } else {
    set(key, digits);
  }
  return add_result::ok;
}

bool store::erase(std::string_view key) {
  const auto it = look_up(key);
  if (it == values_.end()) return false;
  remove(it);
  return true;
}

void store::clear() noexcept {
  lifetimes_.clear();
  values_.clear();
}

std::size_t store::sweep(std::size_t most) {
  if (lifetimes_.empty()) return 0;
  const auto now = now_();
  std::size_t swept = 0;
  while (swept < most && !lifetimes_.empty() && lifetimes_.begin()->first <= now) {
    remove(values_.find(*lifetimes_.begin()->second));
    ++swept;
  }
  return swept;
}

// Finds a value whose time is not up. The clock is only read for those that have one.
store::table::iterator store::look_up(std::string_view key) {
  const auto it = values_.find(key);
  if (it == values_.end() || !it->second.ends || (*it->second.ends)->first > now_()) return it;
  remove(it);
  return values_.end();
}

void store::remove(table::iterator it) noexcept {
  if (it->second.ends) lifetimes_.erase(*it->second.ends);
  values_.erase(it);
}

std::optional<std::int64_t> to_integer(std::string_view text) noexcept {
  std::int64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, ec] = std::from_chars(text.data(), last, value);
  if (ec != std::errc{} || end != last) return std::nullopt;
  return value;
}

}  // namespace keyvalue
