#include <coppice/stash_codec.hpp>

#include "fuzz.hpp"

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <boost/describe/operators.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <exception>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

// Any bytes are read as a value of each type, or refused by an exception; what was read can be kept
// again, and read again as the same. And any value can be kept, and is read as the same.

namespace fuzz {

namespace stash_types {

BOOST_DEFINE_ENUM_CLASS(colour, red, green, blue)

struct order {
  std::string name;
  std::optional<int> amount;
  std::vector<double> prices;
  std::map<std::string, colour> colours;
  std::tuple<bool, std::uint64_t, std::int8_t> rest;
  bool operator==(const order&) const = default;
};
BOOST_DESCRIBE_STRUCT(order, (), (name, amount, prices, colours, rest))

struct tree {
  int value = 0;
  std::vector<tree> below;
  bool operator==(const tree&) const = default;
};
BOOST_DESCRIBE_STRUCT(tree, (), (value, below))

// Kept as its bytes.
struct plain {
  std::int32_t a;
  std::uint16_t b;
  std::uint16_t c;
  double d;
  // Bit by bit, as it is kept.
  bool operator==(const plain& other) const {
    return std::bit_cast<std::array<char, sizeof(plain)>>(*this) ==
           std::bit_cast<std::array<char, sizeof(plain)>>(other);
  }
};

}  // namespace stash_types

namespace {

using namespace stash_types;

bool is_finite(double d) { return std::isfinite(d); }

// ---- A value from bytes

void make(source& from, order& v);
void make(source& from, tree& v);
template <class... T>
void make(source& from, std::tuple<T...>& v);

void make(source& from, bool& v) { v = from.byte() % 2 == 1; }
template <class T>
requires std::is_integral_v<T>
void make(source& from, T& v) { v = static_cast<T>(from.number(sizeof(T))); }
void make(source& from, double& v) { v = std::bit_cast<double>(from.number()); }
void make(source& from, std::string& v) { v = from.text(); }
void make(source& from, colour& v) { v = static_cast<colour>(from.byte() % 3); }
void make(source& from, plain& v) {
  v = {static_cast<std::int32_t>(from.number(4)), static_cast<std::uint16_t>(from.number(2)),
       static_cast<std::uint16_t>(from.number(2)), std::bit_cast<double>(from.number())};
}
template <class T>
void make(source& from, std::optional<T>& v) {
  if (from.byte() % 2 == 1) make(from, v.emplace());
}
template <class T>
void make(source& from, std::vector<T>& v) {
  for (std::size_t n = from.byte() % 8; n > 0; --n) make(from, v.emplace_back());
}
template <class K, class T>
void make(source& from, std::map<K, T>& v) {
  for (std::size_t n = from.byte() % 8; n > 0; --n) {
    K key{};
    make(from, key);
    make(from, v[key]);
  }
}
template <class T>
void make(source& from, std::set<T>& v) {
  for (std::size_t n = from.byte() % 8; n > 0; --n) {
    T key{};
    make(from, key);
    v.insert(key);
  }
}
template <class... T>
void make(source& from, std::tuple<T...>& v) {
  std::apply([&](auto&... each) { (make(from, each), ...); }, v);
}
void make(source& from, order& v) {
  make(from, v.name);
  make(from, v.amount);
  make(from, v.prices);
  make(from, v.colours);
  make(from, v.rest);
}
// Some are too deep to be read again.
void make(source& from, tree& v) {
  tree* at = &v;
  for (std::size_t depth = from.number(2) % 600; depth > 0; --depth) {
    at->value = static_cast<int>(from.byte());
    at->below.resize(1 + from.byte() % 2);
    at = &at->below.front();
  }
}

// ---- What JSON cannot say, or the codec cannot read

template <class T>
bool is_sayable(const T&) { return true; }
bool is_sayable(const double& v) { return is_finite(v); }
template <class T>
bool is_sayable(const std::vector<T>& v) {
  for (const T& each : v) {
    if (!is_sayable(each)) return false;
  }
  return true;
}
bool is_sayable(const std::map<std::string, double>& v) {
  for (const auto& [key, value] : v) {
    if (!is_sayable(value)) return false;
  }
  return true;
}
bool is_sayable(const order& v) { return is_sayable(v.prices); }
// Each level is an object and an array in it.
bool is_sayable(const tree& v) {
  std::size_t levels = 1;
  for (const tree* at = &v; !at->below.empty(); at = &at->below.front()) ++levels;
  return levels <= 500;
}

// ---- The rules

template <class T>
void check(const T& v) {
  using codec = coppice::stash_codec<T>;
  std::string kept;
  try {
    kept = codec::encode(v);
  } catch (const std::range_error&) {
    require(!is_sayable(v), "only what could not be read again is refused");
    return;
  }
  require(is_sayable(v), "what could not be read again is refused");
  const T back = codec::decode(kept);
  require(back == v, "what is kept is read as the same");
  require(codec::encode(back) == kept, "and kept as the same");
}

template <class T>
void try_type(std::string_view input) {
  using codec = coppice::stash_codec<T>;
  std::optional<T> read;
  try {
    read.emplace(codec::decode(input));
  } catch (const std::exception&) {
  }
  if (read) check(*read);
  T made{};
  source from{input};
  make(from, made);
  check(made);
}

// Bytes that are tagged rightly, since no input would hit upon that.
void try_tagged(std::string_view input) {
  const auto bytes = input.substr(0, sizeof(plain));
  std::string kept = coppice::detail::tagged_bytes(typeid(plain), bytes);
  plain v{};
  bool refused = false;
  try {
    v = coppice::stash_codec<plain>::decode(kept);
  } catch (const std::exception&) {
    refused = true;
  }
  require(refused == (bytes.size() != sizeof(plain)), "bytes of another size are refused");
  if (refused || input.size() <= sizeof(plain)) return;
  check(v);
  source from{input.substr(sizeof(plain))};
  const std::size_t at = from.byte() % kept.size();
  const char damage = static_cast<char>(from.byte());
  kept[at] = static_cast<char>(kept[at] ^ damage);
  try {
    static_cast<void>(coppice::stash_codec<plain>::decode(kept));
    require(damage == 0, "damage is noticed");
  } catch (const std::exception&) {
    require(damage != 0, "nothing else is refused");
  }
}

}  // namespace

void stash_codec(std::string_view input) {
  source from{input};
  const std::uint8_t which = from.byte();
  const std::string_view rest = from.rest();
  switch (which % 13) {
    case 0: return try_type<long long>(rest);
    case 1: return try_type<std::uint64_t>(rest);
    case 2: return try_type<double>(rest);
    case 3: return try_type<std::string>(rest);
    case 4: return try_type<std::vector<int>>(rest);
    case 5: return try_type<std::map<std::string, double>>(rest);
    case 6: return try_type<std::set<std::string>>(rest);
    case 7: return try_type<std::optional<std::tuple<std::string, int>>>(rest);
    case 8: return try_type<colour>(rest);
    case 9: return try_type<order>(rest);
    case 10: return try_type<tree>(rest);
    case 11: return try_type<plain>(rest);
    default: return try_tagged(rest);
  }
}

}  // namespace fuzz
