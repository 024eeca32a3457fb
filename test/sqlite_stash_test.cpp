#include "support/sqlite_office.hpp"

#include <coppice/sqlite_stash.hpp>

#include <doctest/doctest.h>
#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>

#include <sys/resource.h>
#include <array>
#include <bit>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

using boost::system::error_code;
using coppice::errc;
using coppice::exit_reason;
using coppice::server_ref;
using coppice::sqlite_stash_ref;
using coppice::stash_codec;
namespace fs = std::filesystem;
namespace sys_errc = boost::system::errc;

namespace states {

struct point {
  int x = 0;
  double y = 0;
  bool operator==(const point&) const = default;
};
BOOST_DESCRIBE_STRUCT(point, (), (x, y))

enum class colour { red, green };
BOOST_DESCRIBE_ENUM(colour, red, green)

struct nest {
  std::vector<nest> within;
  bool operator==(const nest&) const = default;
};
BOOST_DESCRIBE_STRUCT(nest, (), (within))

struct drawing {
  std::string name;
  colour ink = colour::red;
  std::vector<point> points{};
  std::map<std::string, std::optional<int>> notes{};
  bool operator==(const drawing&) const = default;
};
BOOST_DESCRIBE_STRUCT(drawing, (), (name, ink, points, notes))

// Not described: kept as bytes.
struct pixel {
  std::uint16_t x;
  std::uint16_t y;
  bool operator==(const pixel&) const = default;
};
struct pixel_too {
  std::uint16_t x;
  std::uint16_t y;
};
struct voxel {
  std::uint16_t x;
  std::uint16_t y;
  std::uint16_t z;
};
enum class mood { calm, angry };

// Keeps itself, and not everything.
struct secret {
  std::string text;
  bool operator==(const secret&) const = default;
};

// Whose codec does more than that.
struct gossip {};
std::function<void(const char*)> on_codec;

}  // namespace states

template <>
struct coppice::stash_codec<states::gossip> {
  static std::string encode(const states::gossip&) {
    if (states::on_codec) states::on_codec("encode");
    return {};
  }
  static states::gossip decode(std::string_view) {
    if (states::on_codec) states::on_codec("decode");
    return {};
  }
};

template <>
struct coppice::stash_codec<states::secret> {
  static std::string encode(const states::secret& s) {
    if (s.text == "unspeakable") throw std::runtime_error{"cannot be said"};
    return {s.text.rbegin(), s.text.rend()};
  }
  static states::secret decode(std::string_view kept) {
    if (kept == "xxx") throw std::runtime_error{"cannot be heard"};
    return {{kept.rbegin(), kept.rend()}};
  }
};

namespace {

struct confidant {
  struct tell {
    std::string text;
  };
  void handle(const tell& m) { secret_.text = m.text; }
  states::secret state() const { return secret_; }
  void restore(states::secret s) { secret_ = std::move(s); }

  states::secret secret_;
};

template <class T>
T there_and_back(const T& x) {
  return stash_codec<T>::decode(stash_codec<T>::encode(x));
}

}  // namespace

// ---- Codecs

TEST_CASE("what Boost.JSON can take apart is kept on disk as JSON") {
  CHECK(stash_codec<int>::encode(-7) == "-7");
  CHECK(stash_codec<std::string>::encode("one") == "\"one\"");
  CHECK(stash_codec<states::point>::encode({1, 2.5}) == R"({"x":1,"y":2.5E0})");
  CHECK(there_and_back(true));
  CHECK(there_and_back(std::numeric_limits<std::uint64_t>::max()) ==
        std::numeric_limits<std::uint64_t>::max());
  CHECK(there_and_back(std::numeric_limits<std::int64_t>::min()) ==
        std::numeric_limits<std::int64_t>::min());
  CHECK(there_and_back(std::vector<std::string>{"a", "", "c"}) ==
        std::vector<std::string>{"a", "", "c"});
  CHECK(there_and_back(std::optional<int>{}) == std::nullopt);
  CHECK(there_and_back(std::optional<int>{3}) == 3);
  CHECK(there_and_back(std::set<int>{3, 1}) == std::set<int>{1, 3});
  CHECK(there_and_back(std::array<int, 2>{3, 1}) == std::array<int, 2>{3, 1});
  const states::drawing d{.name = "tree",
                          .ink = states::colour::green,
                          .points = {{1, 0.1}, {2, -1e300}},
                          .notes = {{"a", 1}, {"b", std::nullopt}}};
  CHECK(there_and_back(d) == d);
}

TEST_CASE("a text of any bytes comes back from disk as it was") {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  CHECK(there_and_back(all) == all);
  CHECK(there_and_back(std::string(100'000, 'x')) == std::string(100'000, 'x'));
}

TEST_CASE("floating-point numbers come back from disk to the last bit") {
  std::uint64_t seed = 1;
  std::vector<double> all{0.1, 1e23, 5e-324, 1.7976931348623157e308, -0.0};
  while (all.size() < 10'000) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    const double x = std::bit_cast<double>(seed);
    if (std::isfinite(x)) all.push_back(x);
  }
  CHECK(there_and_back(all) == all);
  for (const double x :
       {std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()}) {
    CHECK_THROWS_WITH(stash_codec<states::point>::encode({1, x}),
                      "there is a number in it that JSON does not have");
  }
}

TEST_CASE("what is nested so deeply that it could not be read from disk again is not kept") {
  const auto nested = [](int levels) {
    states::nest outermost;
    states::nest* at = &outermost;
    for (; levels > 1; --levels) at = &at->within.emplace_back();
    return outermost;
  };
  // Each level is an object and an array.
  CHECK(there_and_back(nested(500)) == nested(500));
  CHECK_THROWS_WITH(stash_codec<states::nest>::encode(nested(501)),
                    "it is nested too deeply to be read again");
}

TEST_CASE("what is not JSON, or of another shape, cannot be read as such") {
  CHECK_THROWS(stash_codec<int>::decode(""));
  CHECK_THROWS(stash_codec<int>::decode("7 7"));
  CHECK_THROWS(stash_codec<int>::decode("\"seven\""));
  CHECK_THROWS(stash_codec<std::uint8_t>::decode("256"));
  CHECK_THROWS(stash_codec<std::vector<int>>::decode("[1,2"));
  CHECK_THROWS(stash_codec<states::point>::decode(R"({"x":1})"));
}

TEST_CASE("other trivially copyable types are kept on disk as bytes, with a tag and a checksum") {
  using states::pixel;
  CHECK(there_and_back(pixel{3, 4}) == pixel{3, 4});
  CHECK(there_and_back(states::mood::angry) == states::mood::angry);
  const std::string kept = stash_codec<pixel>::encode({3, 4});
  CHECK(kept.size() == 16 + sizeof(pixel));
  CHECK_THROWS_WITH(stash_codec<states::voxel>::decode(kept), doctest::Contains("another size"));
  CHECK_THROWS_WITH(stash_codec<states::pixel_too>::decode(kept),
                    doctest::Contains("another type"));
  for (std::size_t i = 0; i < kept.size(); ++i) {
    std::string damaged = kept;
    damaged[i] ^= 1;
    CHECK_THROWS(stash_codec<pixel>::decode(damaged));
    CHECK_THROWS(stash_codec<pixel>::decode(kept.substr(0, i)));
  }
}

TEST_CASE("views and pointers are nothing that a stash on disk can keep") {
  CHECK_FALSE(coppice::detail::kept_as_json<std::string_view>);
  CHECK_FALSE(coppice::detail::kept_as_bytes<std::string_view>);
  CHECK_FALSE(coppice::detail::kept_as_json<int*>);
  CHECK_FALSE(coppice::detail::kept_as_bytes<int*>);
}

// ---- The store

TEST_CASE("a stash on disk is a store for anybody") {
  const temporary_folder folder;
  office w{folder.path / "states"};
  w.start();
  CHECK(w.put<std::string>("a", "one") == error_code{});
  CHECK(w.put<std::string>("a", "two") == error_code{});
  CHECK(w.put<int>("b", 3) == error_code{});
  CHECK(w.get<std::string>("a") == "two");
  CHECK(w.get<int>("b") == 3);
  CHECK(w.get<int>("c") == std::nullopt);
  CHECK(w.keys() == std::vector<std::string>{"a", "b"});
  CHECK(w.erase("a"));
  CHECK_FALSE(w.erase("a"));
  CHECK(w.get<std::string>("a") == std::nullopt);
}

TEST_CASE("what a stash on disk keeps outlives the program, and any key and size will do") {
  const temporary_folder folder;
  const std::string odd{"nul \0 and 'quotes'", 18};
  const std::string big(3'000'000, 'b');
  {
    office w{folder.path / "states"};
    const auto sup = w.start();
    w.put<std::string>(odd, big);
    w.put<std::string>("", "");
    w.put<states::drawing>("drawing", {.name = "tree"});
    w.stop(sup);
    CHECK_FALSE(fs::exists(folder.path / "states-wal"));
  }
  office w{folder.path / "states"};
  w.start();
  CHECK(w.get<std::string>(odd) == big);
  CHECK(w.get<std::string>("") == "");
  CHECK(w.get<states::drawing>("drawing") == states::drawing{.name = "tree"});
}

TEST_CASE("a stash on disk keeps a write-ahead log") {
  const temporary_folder folder;
  office w{folder.path / "states"};
  w.start();
  CHECK(stranger{w.file}.run("PRAGMA journal_mode") == "wal");
}

TEST_CASE("without a file a stash of SQLite's keeps states until it ends") {
  office w{":memory:"};
  w.start();
  w.put("a", 1);
  CHECK(w.get<int>("a") == 1);
  w.kill("stash");
  w.until_up("stash");
  CHECK(w.get<int>("a") == std::nullopt);
  const coppice::child_spec nowhere = coppice::sqlite_stash("s", "");
  CHECK_THROWS_WITH_AS(coppice::check_child_specs({&nowhere, 1}),
                       "coppice: sqlite_stash \"s\": its file has no name", std::invalid_argument);
}

TEST_CASE(
    "a file that cannot be opened, or is no database, is a failed start with SQLite's words") {
  const temporary_folder folder;
  office w{folder.path / "states"};
  SUBCASE("no folder") {
    w.file = folder.path / "nowhere" / "states";
    w.start();
    CHECK(w.reported("coppice: the stash in \"" + w.file.string() +
                     "\" cannot be opened: unable to open database file"));
  }
  SUBCASE("no database") {
    std::ofstream{w.file} << std::string(5000, 'x');
    w.start();
    CHECK(w.reported("coppice: the stash in \"" + w.file.string() +
                     "\" cannot be opened: file is not a database"));
  }
  SUBCASE("a table of another shape") {
    stranger{w.file}.run("CREATE TABLE states (name)");
    w.start();
    CHECK(w.reported("cannot be opened: table states has no column named key"));
  }
  CHECK_FALSE(coppice::process_ref{w.io, "stash"}.whereis());
}

TEST_CASE("what is asked while a stash on disk opens its file waits for it") {
  const temporary_folder folder;
  office w{folder.path / "states"};
  coppice::start_supervisor(w.io, {.strategy = coppice::strategy::one_for_one,
                                   .children = {coppice::sqlite_stash("stash", w.file)}});
  w.until_up("stash");
  CHECK(w.put("a", 1) == error_code{});
}

TEST_CASE("ten thousand puts are kept in order, and the last one wins") {
  const temporary_folder folder;
  office w{folder.path / "states"};
  w.start();
  int heard = 0;
  bool in_order = true;
  for (int i = 0; i < 10'000; ++i) {
    w.ref<int>().put("key " + std::to_string(i % 10), i)([&, i](error_code ec) {
      in_order = in_order && !ec && heard == i;
      ++heard;
    });
  }
  w.until([&heard] { return heard == 10'000; });
  CHECK(in_order);
  for (int k = 0; k < 10; ++k) CHECK(w.get<int>("key " + std::to_string(k)) == 9990 + k);
}

TEST_CASE("a stash on disk that is stopped writes all that came before") {
  const temporary_folder folder;
  int kept = 0;
  {
    office w{folder.path / "states"};
    const auto sup = w.start();
    for (int i = 0; i < 1000; ++i) {
      w.ref<int>().put(std::to_string(i), i)([&kept](error_code ec) { kept += ec ? 0 : 1; });
    }
    w.clock.settle();
    w.stop(sup);
    CHECK(kept == 1000);
  }
  office w{folder.path / "states"};
  w.start();
  CHECK(w.keys().size() == 1000);
}

TEST_CASE("a stash on disk that is killed has acknowledged nothing that is not there") {
  const temporary_folder folder;
  office w{folder.path / "states"};
  w.start();
  for (int round = 0; round < 10; ++round) {
    int last = 0;
    int answered = 0;
    const int first = round * 1000 + 1;
    for (int i = first; i < first + 1000; ++i) {
      w.ref<int>().put("key", i)([&, i](error_code ec) {
        ++answered;
        if (!ec) last = i;
      });
      if (i % 100 == 0) w.until([&] { return last > round * 1000; });
    }
    w.kill("stash");
    w.until([&answered] { return answered == 1000; });
    w.until_up("stash");
    CHECK(w.get<int>("key").value() >= last);
    CHECK(w.get<int>("key").value() < first + 1000);
  }
}

TEST_CASE("an io_context that goes takes a stash on disk along in the middle of its work") {
  const temporary_folder folder;
  int kept = 0;
  {
    office w{folder.path / "states"};
    w.start({numbers()});
    for (int i = 0; i < 1000; ++i) {
      w.ref<int>().put(std::to_string(i), i)([&kept](error_code ec) { kept += ec ? 0 : 1; });
    }
    w.until([&kept] { return kept > 0; });
  }
  office w{folder.path / "states"};
  w.start();
  CHECK(w.keys().size() >= static_cast<std::size_t>(kept));
}

TEST_CASE("two stashes on one file see each other's states, row by row") {
  const temporary_folder folder;
  office a{folder.path / "states"};
  office b{folder.path / "states"};
  a.start();
  b.start();
  a.put("a", 1);
  b.put("b", 2);
  a.put("both", 3);
  b.put("both", 4);
  CHECK(a.keys() == std::vector<std::string>{"a", "b", "both"});
  CHECK(a.get<int>("both") == 4);
  CHECK(b.get<int>("a") == 1);
}

TEST_CASE("two stashes that write one file at the same time wait for each other") {
  const temporary_folder folder;
  office a{folder.path / "states"};
  office b{folder.path / "states"};
  a.start();
  b.start();
  int heard = 0;
  int failed = 0;
  for (int i = 0; i < 500; ++i) {
    for (office* w : {&a, &b}) {
      w->ref<int>().put(std::to_string(i), i)([&](error_code ec) {
        ++heard;
        if (ec) ++failed;
      });
      w->io.restart();
      w->io.poll();
    }
  }
  while (heard < 1000) {
    for (office* w : {&a, &b}) {
      w->io.restart();
      w->io.poll();
    }
  }
  CHECK(failed == 0);
  CHECK(a.keys().size() == 500);
}

TEST_CASE("a stash on disk waits for a lock, and says so if it is in vain") {
  const temporary_folder folder;
  office w{folder.path / "states"};
  w.start();
  stranger s{w.file};
  CHECK(s.run("BEGIN IMMEDIATE").empty());
  std::optional<error_code> heard;
  w.ref<int>().put("a", 1)([&heard](error_code ec) { heard = ec; });
  SUBCASE("released") {
    w.io.restart();
    w.io.poll();
    s.run("COMMIT");
    w.until([&heard] { return heard.has_value(); });
    CHECK(*heard == error_code{});
  }
  SUBCASE("kept") {
    std::optional<error_code> second;
    w.ref<int>().put("a", 1)([&second](error_code ec) { second = ec; });
    w.until([&] { return heard && second; });
    CHECK(heard->category() == coppice::sqlite_category());
    CHECK(*heard == sys_errc::make_error_condition(sys_errc::device_or_resource_busy));
    CHECK(heard->message() == "database is locked");
    CHECK(*second == *heard);
    s.run("COMMIT");
    CHECK(w.put("a", 2) == error_code{});
  }
  SUBCASE("killed meanwhile") {
    w.clock.settle();
    CHECK_FALSE(heard.has_value());
    w.kill("stash");
    w.until([&heard] { return heard.has_value(); });
    CHECK(*heard);
    w.until_up("stash");
    s.run("COMMIT");
    CHECK(w.get<int>("a") == std::nullopt);
  }
}

namespace {

// No file may grow beyond that, while this lives.
class small_disk {
 public:
  explicit small_disk(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &now);
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;
  ~small_disk() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("what does not fit on the disk fails alone, and the stash lives on") {
  const temporary_folder folder;
  office w{folder.path / "states"};
  w.start();
  std::vector<error_code> heard;
  const auto hear = [&heard](error_code ec) { heard.push_back(ec); };
  {
    const small_disk full{200'000};
    w.ref<std::string>().put("a", "small")(hear);
    w.ref<std::string>().put("b", std::string(1'000'000, 'b'))(hear);
    w.ref<std::string>().put("c", "small")(hear);
    w.until([&heard] { return heard.size() == 3; });
  }
  CHECK(heard[0] == error_code{});
  CHECK(heard[1].category() == coppice::sqlite_category());
  CHECK((heard[1] == sys_errc::make_error_condition(sys_errc::no_space_on_device) ||
         heard[1] == sys_errc::make_error_condition(sys_errc::io_error)));
  CHECK(heard[2] == error_code{});
  CHECK(w.keys() == std::vector<std::string>{"a", "c"});
  CHECK(w.put("b", std::string(1'000'000, 'b')) == error_code{});
}

TEST_CASE("a damaged row cannot be read, and the others can") {
  const temporary_folder folder;
  office w{folder.path / "states"};
  w.start();
  w.put("whole", 1);
  w.put("cut", 12);
  w.put("pixel", states::pixel{1, 2});
  w.put("secret", states::secret{"text"});
  {
    stranger s{w.file};
    CHECK(s.run("UPDATE states SET state = 'x', checksum = NULL WHERE key = 'cut'").empty());
    CHECK(s.run("UPDATE states SET state = zeroblob(20), crashes = -5, checksum = NULL WHERE key = "
                "'pixel'")
              .empty());
    CHECK(s.run("UPDATE states SET state = 'xxx', checksum = NULL WHERE key = 'secret'").empty());
  }
  CHECK(w.look<int>("cut").first == errc::unreadable);
  CHECK(w.look<states::pixel>("pixel").first == errc::unreadable);
  CHECK(w.look<states::secret>("secret").first == errc::unreadable);
  CHECK(w.look<std::string>("whole").first == errc::unreadable);
  CHECK(w.get<int>("whole") == 1);
}

TEST_CASE("a codec of one's own is used, and may throw") {
  const temporary_folder folder;
  office w{folder.path / "states"};
  w.start();
  w.put("secret", states::secret{"abc"});
  CHECK(stranger{w.file}.run("SELECT state FROM states") == "cba");
  CHECK(w.get<states::secret>("secret") == states::secret{"abc"});
  CHECK_THROWS_WITH(w.ref<states::secret>().put("secret", {"unspeakable"})([](auto) {}),
                    "cannot be said");
}

TEST_CASE("a codec may use the stash itself") {
  const temporary_folder folder;
  office w{folder.path / "states"};
  w.start();
  std::vector<std::string> heard;
  states::on_codec = [&](const char* what) {
    w.ref<int>().put(what, 1)([&heard, what](error_code ec) {
      heard.push_back(what + (ec ? " failed" : std::string{}));
    });
  };
  CHECK(w.put("gossip", states::gossip{}) == error_code{});
  CHECK(w.get<states::gossip>("gossip").has_value());
  w.until([&heard] { return heard.size() == 2; });
  CHECK(heard == std::vector<std::string>{"encode", "decode"});
  CHECK(w.keys() == std::vector<std::string>{"decode", "encode", "gossip"});
  states::on_codec = nullptr;
}

TEST_CASE("a codec may throw what is no exception of the standard library") {
  const temporary_folder folder;
  office w{folder.path / "states"};
  w.start();
  CHECK(w.put("gossip", states::gossip{}) == error_code{});
  states::on_codec = [](const char*) { throw 1; };
  CHECK(w.look<states::gossip>("gossip").first == errc::unreadable);
  CHECK_THROWS_AS(w.ref<states::gossip>().put("gossip", {})([](auto) {}), int);
  states::on_codec = nullptr;
  CHECK(w.get<states::gossip>("gossip").has_value());
}

TEST_CASE("what was not encoded cannot be kept on disk") {
  office w{":memory:"};
  w.start();
  std::optional<error_code> heard;
  coppice::stash_ref<int>{w.io, "stash"}.put("a", 1)([&heard](error_code ec) { heard = ec; });
  w.until([&heard] { return heard.has_value(); });
  CHECK(*heard == errc::unreadable);
}

// ---- Servers

TEST_CASE("the state of a server outlives the program in a stash on disk") {
  const temporary_folder folder;
  {
    office w{folder.path / "states"};
    const auto sup = w.start({numbers()});
    CHECK(w.ask(number::next{}) == "100");
    w.stop(sup);
  }
  {
    office w{folder.path / "states"};
    w.start({numbers()});
    CHECK(w.ask(number::next{}) == "101");
    w.crash(number::crash{});
    CHECK(w.ask(number::next{}) == "102");
    CHECK(w.ask(number::save{}) == "104");
    CHECK(w.ask(number::next{}) == "104");
  }
  // That program has ended without an order: what was saved is there.
  office w{folder.path / "states"};
  w.start({numbers()});
  CHECK(w.ask(number::next{}) == "104");
}

TEST_CASE("a stash on disk that is killed takes along what was not saved, and nothing else") {
  const temporary_folder folder;
  office w{folder.path / "states"};
  w.start({numbers()});
  CHECK(w.ask(number::save{}) == "101");
  CHECK(w.ask(number::next{}) == "101");
  const ending server_end{coppice::process_ref{w.io, "number"}.whereis()};
  w.kill("stash");
  w.until([&server_end] { return server_end.reason().has_value(); });
  w.until_up("number");
  CHECK(w.ask(number::next{}) == "101");
  CHECK(w.reported("has lost its state (noproc)"));
}

TEST_CASE("states on disk outlive the restart of the supervisor of stash and servers") {
  const temporary_folder folder;
  office w{folder.path / "states"};
  const auto tree =
      coppice::supervisor({.name = "inner",
                           .strategy = coppice::strategy::rest_for_one,
                           .intensity = 0,
                           .period = 5s,
                           .children = {coppice::sqlite_stash("stash", w.file), numbers()}});
  coppice::start_supervisor(w.io, {.strategy = coppice::strategy::one_for_one,
                                   .intensity = 10,
                                   .period = 5s,
                                   .children = {tree}});
  w.until_up("number");
  for (int i = 0; i < 3; ++i) {
    CHECK(w.ask(number::save{}) == std::to_string(101 + i));
    const ending end{coppice::process_ref{w.io, "inner"}.whereis()};
    if (i == 1) {
      coppice::kill(coppice::process_ref{w.io, "inner"}.whereis());
    } else {
      server_ref<number>{w.io, "number"}.cast(number::crash{});
    }
    w.until([&end] { return end.reason().has_value(); });
    w.until_up("number");
  }
}

TEST_CASE("crashes in a row are counted on disk too") {
  const temporary_folder folder;
  {
    office w{folder.path / "states"};
    const auto sup = w.start({numbers(3)});
    w.ask(number::save{});
    w.crash(number::crash{});
    w.crash(number::crash{});
    CHECK(w.ask(number::next{}) == "101");
    w.stop(sup);
  }
  CHECK(stranger{folder.path / "states"}.run("SELECT state FROM states") == "102");
  {
    stranger s{folder.path / "states"};
    s.run("UPDATE states SET state = '-1', crashes = 3, checksum = NULL");
  }
  office w{folder.path / "states"};
  w.start({numbers(3)});
  CHECK(w.reported("starts afresh: its state crashed it 3 times in a row; state: -1"));
  CHECK(w.ask(number::next{}) == "100");
}

TEST_CASE("a server whose state on disk cannot be read does not start, and the state stays") {
  const temporary_folder folder;
  {
    office w{folder.path / "states"};
    const auto sup = w.start({numbers()});
    w.ask(number::save{});
    w.stop(sup);
  }
  stranger{folder.path / "states"}.run("UPDATE states SET state = '{', checksum = NULL");
  {
    office w{folder.path / "states"};
    w.start({numbers()});
    CHECK(
        w.reported("coppice: the state that is kept of \"number\" cannot be read: what is kept is "
                   "not JSON"));
    CHECK_FALSE(coppice::process_ref{w.io, "number"}.whereis());
  }
  CHECK(stranger{folder.path / "states"}.run("SELECT state FROM states") == "{");
}

TEST_CASE("a state that cannot be written at the end of its server is reported as lost") {
  const temporary_folder folder;
  office w{folder.path / "states"};
  SUBCASE("by the disk") {
    w.start({coppice::server_with<confidant>(
        {.state = coppice::in_sqlite_stash<states::secret>("stash")}, "confidant")});
    const small_disk full{200'000};
    const server_ref<confidant> ref{w.io, "confidant"};
    ref.cast(confidant::tell{std::string(1'000'000, 's')});
    w.clock.settle();
    w.kill("confidant");
    w.until([&w] { return w.reported("server confidant <"); });
    CHECK(w.reported("has lost its state (boost::system::system_error: disk I/O error"));
  }
  SUBCASE("by its codec") {
    w.start({coppice::server_with<confidant>(
        {.state = coppice::in_sqlite_stash<states::secret>("stash")}, "confidant")});
    const server_ref<confidant> ref{w.io, "confidant"};
    ref.cast(confidant::tell{"unspeakable"});
    w.clock.settle();
    w.kill("confidant");
    CHECK(w.reported("has lost its state (std::runtime_error: cannot be said)"));
  }
  SUBCASE("by a stash of the other kind") {
    w.start({coppice::server_with<number>({.state = coppice::in_stash("stash")}, "number", 1)});
    w.kill("number");
    w.until([&w] { return w.reported("has lost its state"); });
    CHECK(w.reported("what is kept is of another type, or damaged"));
  }
}

TEST_CASE("a place on disk for states of another type is refused by what is given the server") {
  const coppice::child_spec spec = coppice::server_with<number>(
      {.state = coppice::in_sqlite_stash<std::string>("stash")}, "number", 1);
  CHECK_THROWS_WITH_AS(coppice::check_child_specs({&spec, 1}),
                       "coppice: server \"number\": its state() returns another type than the "
                       "place for its state is "
                       "made for",
                       std::invalid_argument);
}

TEST_CASE("a stash in memory takes what is encoded for a disk") {
  office w{":memory:"};
  coppice::start_supervisor(w.io, {.strategy = coppice::strategy::rest_for_one,
                                   .intensity = 10,
                                   .period = 5s,
                                   .children = {coppice::stash("stash"), numbers()}});
  w.clock.settle();
  CHECK(w.ask(number::next{}) == "100");
  w.crash(number::crash{});
  CHECK(w.ask(number::next{}) == "101");
}
