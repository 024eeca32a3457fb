#include "store.hpp"

#include "to_integer.hpp"

#include <charconv>
#include <limits>
#include <utility>

namespace keyvalue {

const value* store::find(std::string_view key) {
  const auto it = look_up(key);
  return it == values_.end() ? nullptr : &it->second.value;
}

std::optional<store::clock::duration> store::time_left(std::string_view key) const {
  const auto it = values_.find(key);
  if (it == values_.end() || !it->second.ends) return {};
  return (*it->second.ends)->first - now_();
}

// What changes is noted first. If there is no memory for that nothing has changed; and a key that
// is noted in vain does no harm.
void store::put(std::string_view key, value&& v, std::optional<clock::duration> lifetime) {
  note(key);
  auto it = values_.find(key);
  if (it == values_.end()) {
    it = values_.emplace(std::string{key}, entry{std::move(v), {}}).first;
  } else {
    discard(it->second.value);
    it->second.value = std::move(v);
  }
  entry& e = it->second;
  if (e.ends) {
    lifetimes_.erase(*e.ends);
    e.ends.reset();
  }
  if (lifetime) e.ends = lifetimes_.emplace(now_() + *lifetime, &it->first);
}

void store::set(std::string_view key, std::string_view text,
                std::optional<clock::duration> lifetime) {
  if (text.size() > max_text_size) {
    set(key, std::make_shared<blob>(text), lifetime);
  } else {
    put(key, {std::string{text}, {}}, lifetime);
  }
}

void store::set(std::string_view key, std::shared_ptr<blob> bytes,
                std::optional<clock::duration> lifetime) {
  put(key, {{}, std::move(bytes)}, lifetime);
}

std::optional<std::size_t> store::append(std::string_view key, std::string_view tail) {
  const auto it = look_up(key);
  if (it == values_.end()) {
    set(key, tail);
    return tail.size();
  }
  value& v = it->second.value;
  if (tail.size() > max_value_size - v.size()) return std::nullopt;
  note(key);
  if (!v.bytes && v.text.size() + tail.size() <= max_text_size) {
    v.text.append(tail);
  } else {
    if (!v.bytes) v = {{}, std::make_shared<blob>(v.text)};
    v.bytes->append(tail);
  }
  return v.size();
}

std::optional<std::size_t> store::append(std::string_view key, blob&& tail) {
  auto it = look_up(key);
  if (it == values_.end()) {
    set(key, std::string_view{});
    it = values_.find(key);
  }
  value& v = it->second.value;
  if (tail.size() > max_value_size - v.size()) return std::nullopt;
  note(key);
  if (!v.bytes) v = {{}, std::make_shared<blob>(v.text)};
  v.bytes->append(std::move(tail));
  return v.size();
}

store::add_result store::add(std::string_view key, std::int64_t amount, std::int64_t& sum) {
  const auto it = look_up(key);
  std::int64_t before = 0;
  if (it != values_.end()) {
    const auto number = to_integer(it->second.value.text);
    if (!number) return add_result::not_an_integer;
    before = *number;
  }
  if (amount > 0 ? before > std::numeric_limits<std::int64_t>::max() - amount
                 : before < std::numeric_limits<std::int64_t>::min() - amount) {
    return add_result::overflow;
  }
  note(key);
  sum = before + amount;
  char text[24];
  const auto end = std::to_chars(text, text + sizeof text, sum).ptr;
  const std::string_view digits{text, static_cast<std::size_t>(end - text)};
  if (it != values_.end()) {
    it->second.value.text.assign(digits);
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

void store::clear() {
  for (const auto& [key, e] : values_) note(key);
  lifetimes_.clear();
  for (auto& [key, e] : values_) discard(e.value);
  values_.clear();
}

std::size_t store::sweep(std::size_t most) {
  std::size_t swept = 0;
  std::erase_if(discarded_, [&](const std::shared_ptr<blob>& b) {
    // It may be on its way to a client.
    if (b.use_count() > 1) return false;
    swept += block_cost * b->shrink((most - swept) / block_cost);
    return b->size() == 0;
  });
  if (lifetimes_.empty()) return swept;
  const auto now = now_();
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

// Values of one block, of which there may be many, are not kept until they are swept: to free one
// takes no longer than to write it did.
void store::discard(value& v) {
  if (v.bytes && v.bytes->size() > blob::block_size) discarded_.push_back(std::move(v.bytes));
}

void store::remove(table::iterator it) {
  note(it->first);
  discard(it->second.value);
  if (it->second.ends) lifetimes_.erase(*it->second.ends);
  values_.erase(it);
}

}  // namespace keyvalue
